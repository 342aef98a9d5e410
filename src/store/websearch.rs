//! Parses the text of a search box into an expression for the full-text index.
//!
//! The syntax is that of web search engines and of PostgreSQL's
//! `websearch_to_tsquery`: all words are required, `"words in quotes"` are a
//! phrase, `or` separates alternatives, and `-word` excludes a word. Every text
//! is valid. No part of it is interpreted as the syntax of FTS5 or of a `TSQUERY`.

#[cfg(test)]
pub(super) mod test_cases;

use super::error::StoreError;
use super::snapshot::{Snapshot, Transaction};
use super::sql::Sql;
use super::statement_text::StatementText;
use crate::domain::ProjectSeq;

/// What differs between the searches.
#[derive(Debug, Clone, Copy)]
pub struct SearchSyntax {
    /// The columns that are searched, as FTS5 syntax. Empty: all.
    columns: &'static str,
    /// Whether all words also match longer words that start with them. Otherwise only
    /// the last word does, which a person may still be typing.
    all_are_prefixes: bool,
}

impl SearchSyntax {
    /// Searches the question of `passage_text`.
    pub const QUESTIONS: Self = Self {
        columns: "{title} : ",
        all_are_prefixes: true,
    };
    /// Searches `search_text`.
    pub const MESSAGES: Self = Self {
        columns: "",
        all_are_prefixes: false,
    };
}

/// A parsed search text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebSearch {
    /// Finds the rows that match the expression.
    Matching(Expression),
    /// Finds the rows that do not match the expression. FTS5 has no expression
    /// that only excludes.
    Excluding(Expression),
    /// The text contains no words; no row is found.
    NoTerms,
}

/// Which words a row has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    Term(SearchTerm),
    All(Vec<Expression>),
    Any(Vec<Expression>),
    /// The first, but not the second.
    Without(Box<Expression>, Box<Expression>),
}

/// A word or a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchTerm {
    text: String,
    is_phrase: bool,
    is_excluded: bool,
    /// Whether longer words match, too.
    is_prefix: bool,
    columns: &'static str,
}

impl WebSearch {
    /// Parses a search text; `None` if it is blank.
    pub fn parse(text: &str, syntax: SearchSyntax) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let groups = parse_alternatives(text, syntax);
        let matching: Vec<_> = groups.iter().filter_map(|group| matching(group)).collect();
        if !matching.is_empty() {
            return Some(Self::Matching(Expression::Any(matching)));
        }
        // All alternatives only exclude: a row is not found if all of them
        // exclude it.
        let excluded: Vec<_> = groups.iter().filter_map(|group| excluded(group)).collect();
        if excluded.is_empty() {
            return Some(Self::NoTerms);
        }
        Some(Self::Excluding(Expression::All(excluded)))
    }
}

/// The terms of each alternative. The word `or` separates alternatives.
fn parse_alternatives(text: &str, syntax: SearchSyntax) -> Vec<Vec<SearchTerm>> {
    let mut groups = vec![Vec::new()];
    for term in parse_terms(text, syntax) {
        let is_or = !term.is_phrase && !term.is_excluded && term.text.eq_ignore_ascii_case("or");
        match groups.last_mut() {
            Some(group) if !is_or => group.push(term),
            _ => groups.push(Vec::new()),
        }
    }
    groups
}

fn parse_terms(text: &str, syntax: SearchSyntax) -> Vec<SearchTerm> {
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let without_minus = rest.strip_prefix('-');
        let is_excluded = without_minus.is_some();
        rest = without_minus.unwrap_or(rest);
        let quoted = rest.strip_prefix('"');
        let is_phrase = quoted.is_some();
        let (text, after) = match quoted {
            // A phrase without a closing quote ends with the text.
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_at(word_end(rest)),
        };
        // FTS5 finds nothing for a term without a letter or digit.
        if text.chars().any(char::is_alphanumeric) {
            let is_prefix = syntax.all_are_prefixes || after.trim().is_empty();
            terms.push(SearchTerm {
                text: text.replace('\0', " "),
                is_phrase,
                is_excluded,
                is_prefix: is_prefix && !is_phrase && !is_excluded,
                columns: syntax.columns,
            });
        }
        rest = after.trim_start();
    }
    terms
}

fn word_end(text: &str) -> usize {
    let end = text.find(|char: char| char.is_whitespace() || char == '"');
    end.unwrap_or(text.len())
}

/// The expression of an alternative; `None` if it only excludes.
fn matching(group: &[SearchTerm]) -> Option<Expression> {
    let required = group.iter().filter(|term| !term.is_excluded);
    let required: Vec<_> = required.cloned().map(Expression::Term).collect();
    if required.is_empty() {
        return None;
    }
    let required = Expression::All(required);
    Some(match excluded(group) {
        Some(excluded) => Expression::Without(required.into(), excluded.into()),
        None => required,
    })
}

/// The expression of what an alternative excludes; `None` if it excludes
/// nothing.
fn excluded(group: &[SearchTerm]) -> Option<Expression> {
    let excluded = group.iter().filter(|term| term.is_excluded);
    let excluded: Vec<_> = excluded.cloned().map(Expression::Term).collect();
    (!excluded.is_empty()).then_some(Expression::Any(excluded))
}

impl Expression {
    /// The expression in the language of the database, for texts of a project. `None`
    /// if no row matches, because the database finds no word in the terms.
    pub(super) fn text(
        &self,
        snapshot: &Snapshot,
        project: ProjectSeq,
    ) -> Result<Option<String>, StoreError> {
        match snapshot.transaction() {
            Transaction::Sqlite(_) => Ok(Some(self.fts5())),
            Transaction::Postgres(_) => {
                let mut terms = Vec::new();
                self.add_terms(&mut terms);
                let terms = terms_of_postgres(snapshot, project, &terms)?;
                Ok(self.tsquery(&mut terms.into_iter()))
            }
        }
    }

    fn fts5(&self) -> String {
        let join = |parts: &[Self], operator| {
            let parts: Vec<_> = parts.iter().map(Self::fts5).collect();
            format!("({})", parts.join(operator))
        };
        match self {
            Self::Term(term) => term.fts5(),
            Self::All(parts) => join(parts, " AND "),
            Self::Any(parts) => join(parts, " OR "),
            Self::Without(matching, excluded) => {
                format!("({} NOT {})", matching.fts5(), excluded.fts5())
            }
        }
    }

    /// Adds the terms in order.
    fn add_terms<'e>(&'e self, terms: &mut Vec<&'e SearchTerm>) {
        match self {
            Self::Term(term) => terms.push(term),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.add_terms(terms));
            }
            Self::Without(matching, excluded) => {
                matching.add_terms(terms);
                excluded.add_terms(terms);
            }
        }
    }

    /// A `TSQUERY` of the terms, which `terms` returns in order. Terms that are empty are
    /// left out.
    fn tsquery(&self, terms: &mut impl Iterator<Item = String>) -> Option<String> {
        let mut join = |parts: &[Self], operator| {
            let parts = parts.iter().filter_map(|part| part.tsquery(terms));
            let parts: Vec<_> = parts.collect();
            (!parts.is_empty()).then(|| format!("({})", parts.join(operator)))
        };
        match self {
            Self::Term(_) => {
                let term = terms.next().filter(|term| !term.is_empty())?;
                Some(format!("({term})"))
            }
            Self::All(parts) => join(parts, " & "),
            Self::Any(parts) => join(parts, " | "),
            Self::Without(matching, excluded) => {
                let matching = matching.tsquery(terms);
                match (matching, excluded.tsquery(terms)) {
                    (Some(matching), Some(excluded)) => Some(format!("({matching} & !{excluded})")),
                    (matching, _) => matching,
                }
            }
        }
    }
}

/// The terms as PostgreSQL searches them: an empty text if a term has no word.
fn terms_of_postgres(
    snapshot: &Snapshot,
    project: ProjectSeq,
    terms: &[&SearchTerm],
) -> Result<Vec<String>, StoreError> {
    let lines: Vec<_> = terms
        .iter()
        .map(|term| {
            format!(
                "{}{}",
                u8::from(term.is_prefix),
                term.text.replace('\n', " ")
            )
        })
        .collect();
    let sql = Sql::new(POSTGRES_TERMS, [project.into(), lines.join("\n").into()]);
    snapshot.all(&sql, |row| row.get(0))
}

/// Each line is a term after 1 if longer words match, too, else 0.
const POSTGRES_TERMS: StatementText = sql!(
    postgres: "SELECT CAST(search_term(?1, substr(line, 2), CAST(substr(line, 1, 1) AS BIGINT)) AS TEXT) \
                 FROM string_to_table(?2, chr(10)) WITH ORDINALITY AS lines (line, number) \
                ORDER BY number"
);

impl SearchTerm {
    /// The term as an FTS5 string, in which only the quote is special. A phrase or an
    /// excluded word matches exactly.
    fn fts5(&self) -> String {
        let text = self.text.replace('"', " ");
        let star = if self.is_prefix { " *" } else { "" };
        format!("{}\"{text}\"{star}", self.columns)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::test_cases::{QUESTIONS, SEARCHES};
    use super::*;

    /// The indexes of the questions that a text finds.
    fn search(text: &str) -> Vec<usize> {
        let connection = Connection::open_in_memory().expect("open");
        connection
            .execute_batch(
                "CREATE VIRTUAL TABLE passage_text USING fts5 (title, heading, body, \
                     tokenize = 'unicode61 remove_diacritics 2')",
            )
            .expect("create table");
        for (number, question) in QUESTIONS.iter().enumerate() {
            let sql = "INSERT INTO passage_text (rowid, title, heading, body) \
                       VALUES (?, ?, '', 'hidden words')";
            connection
                .execute(sql, (number as i64, question))
                .expect("insert");
        }
        let (sql, text) = match WebSearch::parse(text, SearchSyntax::QUESTIONS) {
            None => return (0..QUESTIONS.len()).collect(),
            Some(WebSearch::NoTerms) => return Vec::new(),
            Some(WebSearch::Matching(expression)) => (
                "SELECT rowid FROM passage_text WHERE passage_text MATCH ? ORDER BY rowid",
                expression.fts5(),
            ),
            Some(WebSearch::Excluding(expression)) => (
                "SELECT rowid FROM passage_text WHERE rowid NOT IN \
                     (SELECT rowid FROM passage_text WHERE passage_text MATCH ?) ORDER BY rowid",
                expression.fts5(),
            ),
        };
        let mut statement = connection.prepare(sql).expect("prepare");
        let rows = statement.query_map([&text], |row| row.get(0).map(|index: i64| index as usize));
        let rows = rows.and_then(Iterator::collect::<rusqlite::Result<_>>);
        rows.unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn words_quotes_or_and_minus_work_as_in_web_search() {
        for (text, numbers) in SEARCHES {
            assert_eq!(search(text), numbers, "{text}");
        }
    }

    #[test]
    fn no_text_is_interpreted_as_fts5_syntax() {
        for text in [
            "title:order",
            "NEAR(my order)",
            "NEAR",
            "NOT",
            "and",
            "body : x",
            "^order",
            "or*",
            "{title",
            "(",
            "a\"b\"c",
            "'",
            "\\",
            "+",
            ";--",
            "*",
            "\"",
            "\"\"",
            "-",
            "--",
            "-\"",
            "\0",
            "my\0order",
            "\u{301}",
            "\u{345}",
            "日本",
            "🙂",
            "-🙂",
            "- order",
            "\"-\" x",
        ] {
            search(text);
        }
        assert_eq!(search("NEAR not"), [5]);
        assert_eq!(search("!?"), Vec::<usize>::new());
        assert_eq!(search("  ").len(), QUESTIONS.len());
    }

    #[test]
    fn longest_text_of_shortest_words_is_accepted() {
        for word in ["a ", "-a ", "a or ", "-a or ", "a -b or ", "\"a\"", "a-"] {
            search(&word.repeat(300)[..300]);
        }
    }

    #[test]
    fn random_text_is_accepted() {
        let syntax = [
            "\"", "-", " ", "or", "a", "é", "*", "(", ")", ":", "NOT ", "\0", "^", "{",
        ];
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..400 {
            let count = random.usize(..40);
            let text = (0..count).map(|_| syntax[random.usize(..syntax.len())]);
            search(&text.collect::<String>());
        }
    }
}
