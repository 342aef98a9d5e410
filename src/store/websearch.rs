//! Translates the text of a search box into an FTS5 expression.
//!
//! The syntax is that of web search engines and of PostgreSQL's
//! `websearch_to_tsquery`: all words are required, `"words in quotes"` are a
//! phrase, `or` separates alternatives, and `-word` excludes a word. Every text
//! is valid. No part of it is interpreted as FTS5 syntax.

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
    Matching(String),
    /// Finds the rows that do not match the expression. FTS5 has no expression
    /// that only excludes.
    Excluding(String),
    /// The text contains no words; no row is found.
    NoTerms,
}

/// A word or a phrase.
struct SearchTerm {
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
            return Some(Self::Matching(matching.join(" OR ")));
        }
        // All alternatives only exclude: a row is not found if all of them
        // exclude it.
        let excluded: Vec<_> = groups.iter().filter_map(|group| excluded(group)).collect();
        if excluded.is_empty() {
            return Some(Self::NoTerms);
        }
        Some(Self::Excluding(excluded.join(" AND ")))
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
fn matching(group: &[SearchTerm]) -> Option<String> {
    let required = group.iter().filter(|term| !term.is_excluded);
    let required: Vec<_> = required.map(SearchTerm::expression).collect();
    if required.is_empty() {
        return None;
    }
    let required = required.join(" AND ");
    Some(match excluded(group) {
        Some(excluded) => format!("(({required}) NOT ({excluded}))"),
        None => format!("({required})"),
    })
}

/// The expression of what an alternative excludes; `None` if it excludes
/// nothing.
fn excluded(group: &[SearchTerm]) -> Option<String> {
    let excluded = group.iter().filter(|term| term.is_excluded);
    let excluded: Vec<_> = excluded.map(SearchTerm::expression).collect();
    (!excluded.is_empty()).then(|| format!("({})", excluded.join(" OR ")))
}

impl SearchTerm {
    /// The term as an FTS5 string, in which only the quote is special. A phrase or an
    /// excluded word matches exactly.
    fn expression(&self) -> String {
        let text = self.text.replace('"', " ");
        let star = if self.is_prefix { " *" } else { "" };
        format!("{}\"{text}\"{star}", self.columns)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    const QUESTIONS: [&str; 6] = [
        "How much is delivery to Norway?",
        "Do you deliver on Sundays?",
        "Where is my order?",
        "Can I return an order by e-mail?",
        "Gibt es Öffnungszeiten?",
        "AND OR NOT NEAR title body",
    ];

    /// The indexes of the questions that a text finds.
    fn search(text: &str) -> Vec<i64> {
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
            None => return (0..QUESTIONS.len() as i64).collect(),
            Some(WebSearch::NoTerms) => return Vec::new(),
            Some(WebSearch::Matching(text)) => (
                "SELECT rowid FROM passage_text WHERE passage_text MATCH ? ORDER BY rowid",
                text,
            ),
            Some(WebSearch::Excluding(text)) => (
                "SELECT rowid FROM passage_text WHERE rowid NOT IN \
                     (SELECT rowid FROM passage_text WHERE passage_text MATCH ?) ORDER BY rowid",
                text,
            ),
        };
        let mut statement = connection.prepare(sql).expect("prepare");
        let rows = statement.query_map([&text], |row| row.get(0));
        let rows = rows.and_then(Iterator::collect::<rusqlite::Result<_>>);
        rows.unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn words_quotes_or_and_minus_work_as_in_web_search() {
        for (text, numbers) in [
            ("deliver", vec![0, 1]),
            ("delivery norway", vec![0]),
            ("NORWAY Sundays", vec![]),
            ("norway or sundays", vec![0, 1]),
            ("norway OR OR sundays or", vec![0, 1]),
            ("deliver -norway", vec![1]),
            ("deliver -\"on sundays\"", vec![0]),
            ("\"my order\"", vec![2]),
            ("\"order my\"", vec![]),
            ("\"my ord\"", vec![]),
            ("order or deliver -norway", vec![1, 2, 3]),
            ("-order", vec![0, 1, 4, 5]),
            ("-order or -deliver", vec![0, 1, 2, 3, 4, 5]),
            ("-order -my or -my", vec![0, 1, 3, 4, 5]),
            ("-\"my order\"", vec![0, 1, 3, 4, 5]),
            ("e-mail", vec![3]),
            ("offnung", vec![4]),
            ("ÖFFNUNGSZEITEN?", vec![4]),
            ("hidden", vec![]),
            ("\"my order", vec![2]),
        ] {
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
        assert_eq!(search("!?"), Vec::<i64>::new());
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
