//! The attributes of the tags of components.

/// An attribute; those without a name are values in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// In lower case; empty if the tag names only the value.
    pub name: String,
    /// `None`: an expression that is known only to a program.
    pub value: Option<String>,
    is_quoted: bool,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// Parses the text of a tag after its name.
    pub fn parse(text: &str) -> Self {
        let mut attributes = Vec::new();
        let mut rest = text.trim_start_matches(is_separator);
        while !rest.is_empty() {
            let (name, after) = name(rest);
            let has_value = !name.is_empty() && after.trim_start().starts_with(['=', ':']);
            let (value, after) = if has_value {
                value(after.trim_start()[1..].trim_start())
            } else if name.is_empty() {
                value(rest)
            } else {
                (AttributeValue::plain(name), after)
            };
            attributes.push(Attribute {
                name: if has_value {
                    name.to_ascii_lowercase()
                } else {
                    String::new()
                },
                value: value.text,
                is_quoted: value.is_quoted,
            });
            // At least one character is read in each round.
            let next = rest.chars().next().map_or(0, char::len_utf8);
            let read = (rest.len() - after.len()).max(next);
            rest = rest[read..].trim_start_matches(is_separator);
        }
        Self(attributes)
    }

    /// The value of the first of `names` that has a text.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let attribute = self.0.iter().find(|each| each.name == *name)?;
            let value = attribute.value.as_deref()?.trim();
            (!value.is_empty()).then_some(value)
        })
    }

    /// The values without a name.
    pub fn positional(&self) -> impl Iterator<Item = &str> {
        let unnamed = self.0.iter().filter(|each| each.name.is_empty());
        unnamed.filter_map(|each| each.value.as_deref())
    }

    /// The first value without a name that is a title: quoted, and with a blank or a capital
    /// letter.
    pub fn positional_title(&self) -> Option<&str> {
        let unnamed = self
            .0
            .iter()
            .filter(|each| each.name.is_empty() && each.is_quoted);
        let mut values = unnamed.filter_map(|each| each.value.as_deref());
        values.find(|value| value.contains(' ') || value.chars().any(char::is_uppercase))
    }

    /// The attributes with a known value, as in HTML.
    pub fn to_html(&self) -> String {
        let named = self.0.iter().filter(|each| !each.name.is_empty());
        let known = named.filter_map(|each| Some((&each.name, each.value.as_ref()?)));
        known
            .map(|(name, value)| format!(" {name}=\"{}\"", value.replace('"', "&quot;")))
            .collect()
    }
}

fn is_separator(char: char) -> bool {
    char.is_whitespace() || matches!(char, ',' | '/')
}

/// The name at the begin, and the text after it.
fn name(text: &str) -> (&str, &str) {
    let is_name = |char: char| char.is_alphanumeric() || "_-.@#%".contains(char);
    text.split_at(text.find(|char| !is_name(char)).unwrap_or(text.len()))
}

struct AttributeValue {
    text: Option<String>,
    is_quoted: bool,
}

impl AttributeValue {
    fn plain(text: &str) -> Self {
        Self {
            text: Some(text.to_owned()),
            is_quoted: false,
        }
    }
}

/// The value at the begin, and the text after it.
fn value(text: &str) -> (AttributeValue, &str) {
    let quoted = |text: &str| AttributeValue {
        text: Some(text.to_owned()),
        is_quoted: true,
    };
    if let Some((content, after)) = quoted_text(text) {
        return (quoted(content), after);
    }
    if text.starts_with(['{', '[']) {
        let (expression, after) = text.split_at(enclosed_length(text).unwrap_or(text.len()));
        let value = AttributeValue {
            text: literal(expression).or_else(|| labels(expression)),
            is_quoted: true,
        };
        return (value, after);
    }
    let end = text.find(|char: char| char.is_whitespace() || char == ',');
    let (word, after) = text.split_at(end.unwrap_or(text.len()));
    (AttributeValue::plain(word), after)
}

/// The text in the quotation marks at the begin, and the text after them.
pub fn quoted_text(text: &str) -> Option<(&str, &str)> {
    let quote = text
        .chars()
        .next()
        .filter(|char| "\"'`“”".contains(*char))?;
    let end = if quote == '“' { '”' } else { quote };
    text[quote.len_utf8()..].split_once(end)
}

/// The length of the braces or brackets at the begin, with all between them.
pub fn enclosed_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match (quote, char) {
            (_, '\\') => drop(chars.next()),
            (Some(open), char) if open == char => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(char),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The text of an expression in braces or brackets, if it is a text or a list of texts. The
/// texts of a list are separated by commas.
pub fn literal(expression: &str) -> Option<String> {
    let inner = expression.trim_matches(|char: char| "{}[]".contains(char) || char.is_whitespace());
    let mut texts = Vec::new();
    let mut rest = inner;
    while !rest.is_empty() {
        let (text, after) = quoted_text(rest)?;
        if text.contains("${") {
            return None;
        }
        texts.push(text);
        rest = after.trim_start_matches(|char: char| char == ',' || char.is_whitespace());
    }
    Some(texts.join(","))
}

/// The labels of a list such as `[{label: 'Apple', value: 'apple'}]`, separated by commas.
fn labels(expression: &str) -> Option<String> {
    let labels = expression.split("label:").skip(1);
    let labels: Option<Vec<_>> = labels
        .map(|rest| quoted_text(rest.trim_start()).map(|(label, _)| label))
        .collect();
    labels
        .filter(|labels| !labels.is_empty())
        .map(|labels| labels.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_all_syntaxes_are_read() {
        for text in [
            " title=\"A b\" href='/x' open n={1}",
            " title = \"A b\", href=/x open n={f({a: '}'})} /",
            "\n  title={\"A b\"}\n  href={`/x`}\n  open\n  n={[1, 2]}\n",
        ] {
            let attributes = Attributes::parse(text);
            assert_eq!(attributes.get(&["label", "title"]), Some("A b"), "{text}");
            assert_eq!(attributes.get(&["href"]), Some("/x"));
            assert_eq!(attributes.get(&["n"]), None);
            assert_eq!(attributes.positional().collect::<Vec<_>>(), ["open"]);
        }
        let positional = Attributes::parse("warning \"Mind the gap\"");
        assert_eq!(positional.positional_title(), Some("Mind the gap"));
        let list = Attributes::parse(" items={['npm', \"yarn\"]}");
        assert_eq!(list.get(&["items"]), Some("npm,yarn"));
    }

    #[test]
    fn malformed_attributes_end() {
        for text in [
            "=", "==\"", "\"", "a=", "{", "a={", "'\u{e9}", "é=é", "…", "=\u{a0}",
        ] {
            Attributes::parse(&text.repeat(50));
        }
    }
}
