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
use super::snapshot::Snapshot;
use super::sql::{Sql, SqlText, Value};
use super::unindexed::{self, UnindexedMatches};
use super::websearch::{SearchSyntax, WebSearch};
use crate::domain::{Direction, ListQuery, Scope, SearchFilter, Sort, SortKey, SortValue, Status};

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
                let unindexed = unindexed::search(snapshot, scope, &expression)?;
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
    let select = Select::compose(scope, query, search, words, limit);
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

/// A statement under construction.
#[derive(Default)]
struct Select(SqlText);

/// The words of a search, and the conversations that the index does not find.
struct WordMatches {
    /// For FTS5.
    expression: String,
    unindexed: UnindexedMatches,
}

/// Selects the conversations that have a message or a title with the words. The rows of
/// `search_text` are numbered as those of `searched_text`.
const INDEXED_MATCHES: &str = "\
    found AS MATERIALIZED ( \
        SELECT CASE WHEN t.rowid < 0 THEN -t.rowid ELSE m.conversation_seq END AS seq \
          FROM search_text AS t LEFT JOIN message AS m ON m.seq = t.rowid \
         WHERE t.search_text MATCH ?";

/// Adds the conversations of a JSON array.
const UNINDEXED_MATCHES: &str = " UNION SELECT value FROM json_each(?)), ";

impl Select {
    /// The columns are `seq`, the sort value, `id` and the number of all matches. There
    /// is one row more than the limit, so that the caller knows whether another page
    /// follows, and one row without `seq` if the page is empty.
    fn compose(
        scope: Scope,
        query: &ListQuery,
        search: &SearchFilter,
        words: Option<WordMatches>,
        limit: usize,
    ) -> Sql {
        let mut select = Self::default();
        select.0.push("WITH ");
        if let Some(words) = words {
            select.0.bind(INDEXED_MATCHES, words.expression.into());
            // JSON, as the values are numbers.
            let json = format!("{:?}", words.unindexed.conversations);
            select.0.bind(UNINDEXED_MATCHES, json.into());
        }
        select.0.push("matching AS MATERIALIZED (SELECT c.seq, ");
        select.0.push(column(query.sort));
        select.0.push(" AS value, c.id FROM ");
        select.0.push(source(scope, search));
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
               FROM (SELECT count(*) AS n FROM matching) AS total LEFT JOIN page",
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

/// The table or index that the matches are read from. With words, the conversations are
/// read by their number; the planner would scan an index for each.
fn source(scope: Scope, search: &SearchFilter) -> &'static str {
    match scope {
        _ if search.text.is_some() => "found CROSS JOIN conversation AS c ON c.seq = found.seq",
        Scope::Project(_) if search.is_waiting == Some(true) => {
            "conversation AS c INDEXED BY conversation_waiting"
        }
        Scope::Project(_) => "conversation AS c INDEXED BY conversation_by_created",
        Scope::Visitor(_) => "conversation AS c INDEXED BY conversation_by_visitor",
    }
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
