//! The front matter of a text: values of the page in YAML, TOML or JSON before the text.

use serde_json::{Map, Value};

/// A longer front matter is taken for text.
const MAX_FRONT_MATTER_BYTES: usize = 64 << 10;

/// What the front matter says about its page.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FrontMatter {
    pub title: Option<String>,
    pub description: Option<String>,
    pub address: Option<PageAddress>,
    /// The line that takes the page out of the website, such as `draft: true`.
    pub exclusion: Option<String>,
    /// Why the front matter cannot be read.
    pub problem: Option<String>,
}

/// An address that the front matter sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAddress {
    pub key: AddressKey,
    pub value: String,
}

/// How an address is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKey {
    /// The last segment of the path, or a path below the folder's address.
    Slug,
    /// A path of the website.
    Path,
}

/// Splits a text into its front matter and the text after the front matter.
pub fn split(text: &str) -> (FrontMatter, &str) {
    let Some((block, rest)) = find(text) else {
        return (FrontMatter::default(), text);
    };
    match block.parse() {
        Ok(Value::Object(values)) => (read(&values), rest),
        Ok(Value::Null) => (FrontMatter::default(), rest),
        // Text between two horizontal rules.
        Ok(_) => (FrontMatter::default(), text),
        Err(_) if !block.looks_like_values() => (FrontMatter::default(), text),
        Err(problem) => (block.read_invalid(&problem), rest),
    }
}

#[derive(Clone, Copy)]
enum FrontMatterFormat {
    Yaml,
    Toml,
    Json,
}

/// The text of a front matter.
struct FrontMatterBlock<'t> {
    format: FrontMatterFormat,
    text: &'t str,
}

fn find(text: &str) -> Option<(FrontMatterBlock<'_>, &str)> {
    let text = text.trim_start_matches('\n');
    let (first, rest) = text.split_once('\n')?;
    let (format, ends): (_, &[&str]) = match first.trim_end() {
        "---" => (FrontMatterFormat::Yaml, &["---", "..."]),
        "---toml" => (FrontMatterFormat::Toml, &["---"]),
        "---json" | ";;;" => (FrontMatterFormat::Json, &["---", ";;;"]),
        "+++" => (FrontMatterFormat::Toml, &["+++"]),
        "{" => return find_json(text),
        _ => return None,
    };
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        if ends.contains(&line.trim_end()) {
            let text = &rest[..end];
            return Some((FrontMatterBlock { format, text }, &rest[end + line.len()..]));
        }
        end += line.len();
        if end > MAX_FRONT_MATTER_BYTES {
            break;
        }
    }
    // Without an end, the first line is a horizontal rule.
    None
}

/// A front matter that is a JSON object without further marks.
fn find_json(text: &str) -> Option<(FrontMatterBlock<'_>, &str)> {
    let head = &text[..text.floor_char_boundary(MAX_FRONT_MATTER_BYTES)];
    let mut values = serde_json::Deserializer::from_str(head).into_iter::<Map<String, Value>>();
    values.next()?.ok()?;
    let (object, rest) = text.split_at(values.byte_offset());
    let block = FrontMatterBlock {
        format: FrontMatterFormat::Json,
        text: object,
    };
    rest.starts_with('\n').then_some((block, rest))
}

impl FrontMatterBlock<'_> {
    fn parse(&self) -> Result<Value, String> {
        match self.format {
            FrontMatterFormat::Yaml => {
                let options = serde_saphyr::options! {
                    duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
                    with_snippet: false,
                };
                let value = serde_saphyr::from_str_with_options(self.text, options);
                value.map_err(|error| error.to_string())
            }
            FrontMatterFormat::Toml => {
                toml::from_str(self.text).map_err(|error| error.message().to_owned())
            }
            FrontMatterFormat::Json => {
                serde_json::from_str(self.text).map_err(|error| error.to_string())
            }
        }
    }

    /// Whether the first line with a text has a key.
    fn looks_like_values(&self) -> bool {
        let mut lines = self.text.lines().map(str::trim_end);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
        first.is_some_and(|line| {
            let key = line.split([':', '=']).next().unwrap_or_default().trim_end();
            let is_key = |char: char| char.is_alphanumeric() || "_-\"'".contains(char);
            key.len() < line.len() && !key.is_empty() && key.chars().all(is_key)
        })
    }

    /// The values of single lines, of a front matter that cannot be parsed.
    fn read_invalid(&self, problem: &str) -> FrontMatter {
        let mut values = Map::new();
        for line in self.text.lines() {
            if let Some((key, value)) = line.split_once([':', '=']) {
                let value = value.trim();
                let unquoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
                let value = unquoted('"').or_else(|| unquoted('\'')).unwrap_or(value);
                values.insert(key.trim_end().to_owned(), value.into());
            }
        }
        let problem = problem.lines().next().unwrap_or_default();
        FrontMatter {
            problem: Some(format!("its front matter cannot be read ({problem})")),
            ..read(&values)
        }
    }
}

fn read(values: &Map<String, Value>) -> FrontMatter {
    let text = |names: &[&str]| names.iter().find_map(|name| text_of(get(values, name)?));
    FrontMatter {
        title: text(&["title"]),
        description: text(&["description", "summary", "excerpt"]),
        address: address(values),
        exclusion: exclusion(values),
        problem: None,
    }
}

/// A value by the name of its key, in lower case or not.
fn get<'v>(values: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let is_named = |(key, _): &(&String, _)| key.eq_ignore_ascii_case(name);
    let same = || values.iter().find(is_named).map(|(_, value)| value);
    values.get(name).or_else(same)
}

/// A value as text on one line.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    // A template fills the value in.
    let is_template = text.contains("{{") || text.contains("{%");
    (!text.is_empty() && !is_template).then_some(text)
}

fn address(values: &Map<String, Value>) -> Option<PageAddress> {
    let keys = [
        ("permalink", AddressKey::Path),
        ("url", AddressKey::Path),
        ("slug", AddressKey::Slug),
    ];
    keys.iter().find_map(|(name, key)| {
        let Value::String(value) = get(values, name)? else {
            return None;
        };
        let value = value.trim();
        (!value.is_empty()).then(|| PageAddress {
            key: *key,
            value: value.to_owned(),
        })
    })
}

/// Values that take a page out of its website, or out of its search.
const EXCLUSIONS: [(&str, bool); 8] = [
    ("draft", true),
    ("published", false),
    ("publish", false),
    ("hidden", true),
    ("unlisted", true),
    ("noindex", true),
    ("headless", true),
    ("search", false),
];

fn exclusion(values: &Map<String, Value>) -> Option<String> {
    let flag = EXCLUSIONS.iter().find_map(|(name, excluding)| {
        let is_excluding = bool_of(get(values, name)?) == Some(*excluding);
        is_excluding.then(|| format!("{name}: {excluding}"))
    });
    let robots = || {
        let robots = text_of(get(values, "robots")?)?.to_ascii_lowercase();
        robots
            .contains("noindex")
            .then(|| format!("robots: {robots}"))
    };
    let state = || {
        let names = ["status", "visibility"];
        names.iter().find_map(|name| {
            let state = text_of(get(values, name)?)?.to_ascii_lowercase();
            let is_excluding = ["draft", "hidden", "private", "unpublished"].contains(&&*state);
            is_excluding.then(|| format!("{name}: {state}"))
        })
    };
    flag.or_else(robots).or_else(state)
}

fn bool_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_from_each_language() {
        for text in [
            "---\ntitle: >-\n  Shipping to the\n  north\ndescription: |\n  Long\n  text\n---\nbody",
            "---\r\ntitle: 'Shipping to the north'\nsummary: Long text\n...\nbody",
            "+++\ntitle = \"Shipping to the north\"\ndescription = '''Long\ntext'''\n[x]\ny = 1\n+++\nbody",
            "{\n\"title\": \"Shipping to the north\",\n\"description\": \"Long text\"\n}\nbody",
            "---\n# note\nTitle: &t Shipping to the north\ndescription: Long text\nx: *t\ndate: 2024-01-01\n---\nbody",
        ] {
            let (values, rest) = split(text);
            assert_eq!(
                values.title.as_deref(),
                Some("Shipping to the north"),
                "{text}"
            );
            assert_eq!(values.description.as_deref(), Some("Long text"), "{text}");
            assert_eq!((values.exclusion, values.problem), (None, None), "{text}");
            assert_eq!(rest.trim_start(), "body");
        }
    }

    #[test]
    fn text_between_rules_is_no_front_matter() {
        for text in [
            "---\ntitle: x\n\nno end",
            "---\n\nSome text.\n\n---\n\nmore",
            "---\nSee this: a text\n- with: {a list\n---\nmore",
            "{\nno json\n}\n",
            "{}",
            "",
        ] {
            assert_eq!(split(text), (FrontMatter::default(), text));
        }
        assert_eq!(split("---\n---\nx").1, "x");
    }

    #[test]
    fn invalid_front_matter_is_a_problem_and_its_lines_are_read() {
        let (values, rest) = split("---\ntitle: a: b\ndraft: true\nx: [\n---\nbody");
        assert_eq!(values.title.as_deref(), Some("a: b"));
        assert_eq!(values.exclusion.as_deref(), Some("draft: true"));
        assert!(values.problem.is_some());
        assert_eq!(rest, "body");
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
            + &(0..20)
                .map(|_| "b: &a [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n")
                .collect::<String>();
        assert!(split(&format!("---\n{bomb}---\nbody")).0.problem.is_some());
    }

    #[test]
    fn pages_that_are_not_published_are_recognized() {
        for line in [
            "draft: true",
            "published: false",
            "hidden: yes",
            "Draft: on",
            "robots: noindex, follow",
            "status: draft",
            "search: false",
            "published: 0",
        ] {
            assert!(
                split(&format!("---\n{line}\n---\n")).0.exclusion.is_some(),
                "{line}"
            );
        }
        for line in [
            "draft: false",
            "published: true",
            "published: 2024-01-01",
            "status: new",
        ] {
            assert_eq!(
                split(&format!("---\n{line}\n---\n")).0.exclusion,
                None,
                "{line}"
            );
        }
    }
}
