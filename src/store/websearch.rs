//! What people type into a search box, as an expression of FTS5.
//!
//! The syntax is that of web search engines, as PostgreSQL's
//! `websearch_to_tsquery` reads it: words that must all be there, `"words side
//! by side"`, `or` between alternatives, `-word` for what must not be there.
//! Any text is fine; nothing of it is taken as FTS5's own syntax.

/// The columns of `passage_text` that a search looks into: the question.
const SEARCHED_COLUMNS: &str = "{title} : ";

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebSearch {
    /// What matches the expression.
    Matching(String),
    /// What does not match it: FTS5 has no expression that only excludes.
    Excluding(String),
    /// The text has no word.
    NoTerms,
}

/// A word or a phrase.
struct SearchTerm {
    text: String,
    is_phrase: bool,
    is_excluded: bool,
}

impl WebSearch {
    /// Reads a text; None where it is blank.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let groups = groups(text);
        let matching: Vec<_> = groups.iter().filter_map(|group| matching(group)).collect();
        if !matching.is_empty() {
            return Some(Self::Matching(matching.join(" OR ")));
        }
        // Each group only excludes: together, what is in all that they exclude.
        let excluded: Vec<_> = groups.iter().filter_map(|group| excluded(group)).collect();
        Some(match excluded.is_empty() {
            true => Self::NoTerms,
            false => Self::Excluding(excluded.join(" AND ")),
        })
    }
}

/// The terms between one `or` and the next.
fn groups(text: &str) -> Vec<Vec<SearchTerm>> {
    let mut groups = vec![Vec::new()];
    for term in terms(text) {
        let is_or = !term.is_phrase && !term.is_excluded && term.text.eq_ignore_ascii_case("or");
        match groups.last_mut() {
            Some(group) if !is_or => group.push(term),
            _ => groups.push(Vec::new()),
        }
    }
    groups
}

fn terms(text: &str) -> Vec<SearchTerm> {
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let bare = rest.strip_prefix('-');
        let is_excluded = bare.is_some();
        rest = bare.unwrap_or(rest);
        let quoted = rest.strip_prefix('"');
        let is_phrase = quoted.is_some();
        let (text, after) = match quoted {
            // A quote that is never closed goes to the end.
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_at(word_end(rest)),
        };
        // Excluding a letter or a digit there is nothing to look for.
        if text.chars().any(char::is_alphanumeric) {
            terms.push(SearchTerm {
                text: text.replace('\0', " "),
                is_phrase,
                is_excluded,
            });
        }
        rest = after.trim_start();
    }
    terms
}

fn word_end(text: &str) -> usize {
    let end = text.find(|one: char| one.is_whitespace() || one == '"');
    end.unwrap_or(text.len())
}

/// All that must be there and not what must not; None where the group only
/// excludes.
fn matching(group: &[SearchTerm]) -> Option<String> {
    let wanted: Vec<_> = group.iter().filter(|term| !term.is_excluded).collect();
    if wanted.is_empty() {
        return None;
    }
    let wanted: Vec<_> = wanted.iter().map(|term| term.expression()).collect();
    let wanted = wanted.join(" AND ");
    Some(match excluded(group) {
        Some(excluded) => format!("(({wanted}) NOT ({excluded}))"),
        None => format!("({wanted})"),
    })
}

fn excluded(group: &[SearchTerm]) -> Option<String> {
    let excluded = group.iter().filter(|term| term.is_excluded);
    let excluded: Vec<_> = excluded.map(SearchTerm::expression).collect();
    (!excluded.is_empty()).then(|| format!("({})", excluded.join(" OR ")))
}

impl SearchTerm {
    /// A string of FTS5, in which only the quote means something. A bare word
    /// is found as the beginning of longer ones; what is quoted or excluded is
    /// meant as it stands.
    fn expression(&self) -> String {
        let text = self.text.replace('"', " ");
        match self.is_phrase || self.is_excluded {
            true => format!("{SEARCHED_COLUMNS}\"{text}\""),
            false => format!("{SEARCHED_COLUMNS}\"{text}\" *"),
        }
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

    /// The questions that a text finds, by number.
    fn found(text: &str) -> Vec<i64> {
        let connection = Connection::open_in_memory().expect("memory");
        connection
            .execute_batch(
                "CREATE VIRTUAL TABLE passage_text USING fts5 (title, heading, body, \
                     tokenize = 'unicode61 remove_diacritics 2')",
            )
            .expect("a table");
        for (number, question) in QUESTIONS.iter().enumerate() {
            let sql = "INSERT INTO passage_text (rowid, title, heading, body) \
                       VALUES (?, ?, '', 'hidden words')";
            connection
                .execute(sql, (number as i64, question))
                .expect("a row");
        }
        let (sql, text) = match WebSearch::parse(text) {
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
        let mut statement = connection.prepare(sql).expect("SQL");
        let rows = statement.query_map([&text], |row| row.get(0));
        let rows = rows.and_then(Iterator::collect::<rusqlite::Result<_>>);
        rows.unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn words_quotes_or_and_minus_mean_what_they_do_on_the_web() {
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
            assert_eq!(found(text), numbers, "{text}");
        }
    }

    #[test]
    fn nothing_is_taken_as_the_syntax_of_fts5() {
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
            found(text);
        }
        assert_eq!(found("NEAR not"), [5]);
        assert_eq!(found("!?"), Vec::<i64>::new());
        assert_eq!(found("  ").len(), QUESTIONS.len());
    }

    #[test]
    fn the_longest_text_of_the_shortest_words_is_run() {
        for word in ["a ", "-a ", "a or ", "-a or ", "a -b or ", "\"a\"", "a-"] {
            found(&word.repeat(300)[..300]);
        }
    }

    #[test]
    fn random_text_is_run() {
        let pieces = [
            "\"", "-", " ", "or", "a", "é", "*", "(", ")", ":", "NOT ", "\0", "^", "{",
        ];
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..400 {
            let count = random.usize(..40);
            let text = (0..count).map(|_| pieces[random.usize(..pieces.len())]);
            found(&text.collect::<String>());
        }
    }
}
