//! Lists that are restricted by words, by time of creation, and to conversations that wait
//! for a person.
//!
//! These lists have no stored counts, and no index has their order. The statement reads
//! all matches, counts and sorts them, so its cost grows with the number of matches. Most
//! conversations do not wait, so [`not_waiting`] reads the list of these in another way.
//! [`Store::search`](super::Store::search) runs it apart from other reads, and
//! interrupts it after a while.

use std::ops::ControlFlow;

use super::conversation::{ListPage, PageRows};
use super::error::StoreError;
use super::list_composer;
use super::not_waiting;
use super::snapshot::{Snapshot, Transaction};
use super::sql::{Sql, SqlText, Value};
use super::unindexed::{self, UnindexedMatches};
use super::websearch::{SearchSyntax, WebSearch};
use crate::domain::{
    Direction, ListQuery, ProjectSeq, Scope, SearchFilter, Sort, SortKey, SortValue, Status,
};

/// Reads which conversations a page has.
///
/// # Errors
/// Errors of the database.
pub(super) fn page(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    search: &SearchFilter,
) -> Result<ListPage, StoreError> {
    match scope {
        Scope::Project(project) if search.is_only_not_waiting() => {
            not_waiting::page(snapshot, project, query)
        }
        _ => read(snapshot, scope, query, search, query.limit.get() as usize),
    }
}

/// Reads which conversations match, in the order of `query`, and whether some may be
/// missing ([`ListPage::is_partial`]).
///
/// # Errors
/// Errors of the database.
pub(super) fn all(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    search: &SearchFilter,
) -> Result<(PageRows, bool), StoreError> {
    let page = read(snapshot, scope, query, search, MAX_MATCHES)?;
    Ok((page.rows, page.is_partial))
}

/// More than a file has.
const MAX_MATCHES: usize = 1 << 40;

fn read(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    search: &SearchFilter,
    limit: usize,
) -> Result<ListPage, StoreError> {
    let words = match &search.text {
        None => None,
        Some(text) => match WebSearch::parse(text, SearchSyntax::MESSAGES) {
            Some(WebSearch::Matching(expression)) => {
                let project = scope_project(snapshot, scope)?;
                let Some(expression) = expression.text(snapshot, project)? else {
                    return Ok(ListPage::default());
                };
                let unindexed = unindexed::search(snapshot, scope, project, &expression)?;
                Some(WordMatches {
                    expression,
                    unindexed,
                })
            }
            _ => return Ok(ListPage::default()),
        },
    };
    let is_partial = words
        .as_ref()
        .is_some_and(|words| words.unindexed.is_partial);
    let form = match snapshot.transaction() {
        Transaction::Sqlite(_) => &SQLITE,
        Transaction::Postgres(_) => &POSTGRES,
    };
    let select = Select::compose(form, scope, query, search, words, limit);
    let (mut total, mut seqs, mut last) = (0, Vec::new(), None);
    let end = snapshot.try_for_each(&select, |row| {
        total = row.get(3)?;
        let Some(seq) = row.get(0)? else {
            return Ok(ControlFlow::Continue(()));
        };
        if seqs.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        seqs.push(seq);
        last = Some(list_composer::sort_key(row, query.sort)?);
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    let has_more = end.is_break();
    Ok(ListPage {
        rows: PageRows::from(seqs),
        total,
        last: last.filter(|_| has_more),
        is_partial,
    })
}

/// The project of a scope.
fn scope_project(snapshot: &Snapshot, scope: Scope) -> Result<ProjectSeq, StoreError> {
    match scope {
        Scope::Project(project) => Ok(project),
        Scope::Visitor(visitor) => {
            let sql = sql!("SELECT project_seq FROM visitor WHERE seq = ?");
            let project = snapshot.optional(&Sql::new(sql, [visitor.into()]), |row| row.get(0))?;
            Ok(project.unwrap_or(ProjectSeq(0)))
        }
    }
}

/// A statement under construction.
#[derive(Default)]
struct Select(SqlText);

/// The parts of the statement that differ between the databases.
struct Form {
    /// Selects the conversations that have a message or a title with the words.
    indexed_matches: &'static str,
    /// Adds the conversations of a JSON array.
    unindexed_matches: &'static str,
    /// Joins the conversations that were found. They are read by their number; the planner
    /// of SQLite would scan an index for each.
    found_conversations: &'static str,
    /// The index that SQLite reads the conversations from, if there are no words.
    waiting_index: &'static str,
    creation_index: &'static str,
    visitor_index: &'static str,
}

/// The rows of `search_text` are numbered as those of `searched_text`.
const SQLITE: Form = Form {
    indexed_matches: "\
        found AS MATERIALIZED ( \
            SELECT CASE WHEN t.rowid < 0 THEN -t.rowid ELSE m.conversation_seq END AS seq \
              FROM search_text AS t LEFT JOIN message AS m ON m.seq = t.rowid \
             WHERE t.search_text MATCH ?",
    unindexed_matches: " UNION SELECT value FROM json_each(?)), ",
    found_conversations: "found CROSS JOIN conversation AS c ON c.seq = found.seq",
    waiting_index: " INDEXED BY conversation_waiting",
    creation_index: " INDEXED BY conversation_by_created",
    visitor_index: " INDEXED BY conversation_by_visitor",
};

const POSTGRES: Form = Form {
    indexed_matches: "\
        found AS MATERIALIZED ( \
            SELECT t.conversation_seq AS seq FROM search_text AS t \
             WHERE t.words @@ CAST(? AS TSQUERY) \
               AND t.seq NOT IN (SELECT seq FROM search_backlog)",
    unindexed_matches: " UNION SELECT CAST(value AS BIGINT) \
                           FROM json_array_elements_text(CAST(? AS JSON)) AS value), ",
    found_conversations: "found JOIN conversation AS c ON c.seq = found.seq",
    waiting_index: "",
    creation_index: "",
    visitor_index: "",
};

/// The words of a search, and the conversations that the index does not find.
struct WordMatches {
    /// In the language of the database.
    expression: String,
    unindexed: UnindexedMatches,
}

impl Select {
    /// The columns are `seq`, the sort value, `id` and the number of all matches. There
    /// is one row more than the limit, so that the caller knows whether another page
    /// follows, and one row without `seq` if the page is empty.
    fn compose(
        form: &Form,
        scope: Scope,
        query: &ListQuery,
        search: &SearchFilter,
        words: Option<WordMatches>,
        limit: usize,
    ) -> Sql {
        let mut select = Self::default();
        select.0.push("WITH ");
        if let Some(words) = words {
            select.0.bind(form.indexed_matches, words.expression.into());
            // JSON, as the values are numbers.
            let json = format!("{:?}", words.unindexed.conversations);
            select.0.bind(form.unindexed_matches, json.into());
        }
        select.0.push("matching AS MATERIALIZED (SELECT c.seq, ");
        select.0.push(column(query.sort));
        select.0.push(" AS value, c.id FROM ");
        for part in source(form, scope, search) {
            select.0.push(part);
        }
        select.filter(scope, query, search);
        select
            .0
            .push("), page AS MATERIALIZED (SELECT seq, value, id FROM matching");
        if let Some(key) = &query.after {
            select.after(query, key);
        }
        select.0.push(order_by(query.direction));
        select.0.bind(" LIMIT ?", Value::from(limit as i64 + 1));
        select
            .0
            .bind(" OFFSET ?)", Value::from(query.offset.get() as i64));
        select.0.push(
            " SELECT page.seq, page.value, page.id, total.n \
               FROM (SELECT count(*) AS n FROM matching) AS total LEFT JOIN page ON TRUE",
        );
        select.0.push(order_by(query.direction));
        select.0.finish()
    }

    fn filter(&mut self, scope: Scope, query: &ListQuery, search: &SearchFilter) {
        match scope {
            Scope::Project(project) => self.0.bind(" WHERE c.project_seq = ?", project.into()),
            Scope::Visitor(visitor) => self.0.bind(" WHERE c.visitor_seq = ?", visitor.into()),
        }
        match query.filter.status {
            None => self.0.push(" AND c.status IN ('closed', 'open')"),
            Some(Status::Closed) => self.0.push(" AND c.status = 'closed'"),
            Some(Status::Open) => self.0.push(" AND c.status = 'open'"),
        }
        if let Some(flag) = query.filter.is_human_handled {
            self.0.bind(" AND c.is_human_handled = ?", flag.into());
        }
        if let Some(time) = search.created_after {
            self.0.bind(" AND c.created_at >= ?", time.into());
        }
        if let Some(time) = search.created_before {
            self.0.bind(" AND c.created_at < ?", time.into());
        }
        match search.is_waiting {
            None => {}
            Some(true) => self.0.push(" AND c.waiting_since IS NOT NULL"),
            Some(false) => self.0.push(" AND c.waiting_since IS NULL"),
        }
    }

    /// Restricts the page to the rows behind a key. Rows without a value come last.
    fn after(&mut self, query: &ListQuery, key: &SortKey) {
        let is_ascending = query.direction == Direction::Ascending;
        let id_comes_after = if is_ascending { "id > ?" } else { "id < ?" };
        let value_comes_after = if is_ascending {
            "value > ?"
        } else {
            "value < ?"
        };
        let value: Value = match &key.value {
            SortValue::Number(number) => (*number).into(),
            SortValue::Text(text) => text.as_ref().into(),
            SortValue::Null => {
                self.0.push(" WHERE value IS NULL AND ");
                return self.0.bind(id_comes_after, key.id.into());
            }
        };
        self.0.push(" WHERE (value IS NULL OR ");
        self.0.bind(value_comes_after, value.clone());
        self.0.bind(" OR (value = ? AND ", value);
        self.0.bind(id_comes_after, key.id.into());
        self.0.push("))");
    }
}

/// The table or index that the matches are read from.
fn source(form: &Form, scope: Scope, search: &SearchFilter) -> [&'static str; 2] {
    let index = match scope {
        _ if search.text.is_some() => return [form.found_conversations, ""],
        Scope::Project(_) if search.is_waiting == Some(true) => form.waiting_index,
        Scope::Project(_) => form.creation_index,
        Scope::Visitor(_) => form.visitor_index,
    };
    ["conversation AS c", index]
}

/// The column that the order compares before the id.
fn column(sort: Sort) -> &'static str {
    match sort {
        // As in the keys of this order, the value is the same for all rows.
        Sort::Id => "NULL",
        Sort::CreatedAt => "c.created_at",
        Sort::UpdatedAt => "c.updated_at",
        Sort::LastInteractionAt => "c.last_interaction_at",
        Sort::Status => "c.status",
        Sort::ClosedAt => "c.closed_at",
        Sort::IsHumanHandled => "c.is_human_handled",
        Sort::Title => "c.title_key",
    }
}

fn order_by(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => " ORDER BY value ASC NULLS LAST, id ASC",
        Direction::Descending => " ORDER BY value DESC NULLS LAST, id DESC",
    }
}

#[cfg(test)]
mod tests;
