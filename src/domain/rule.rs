//! The rules that several fields share, and what breaking one says.

use url::Url;

/// A value that breaks a rule: 422 `VALIDATION_ERROR` {field, reason} on the
/// wire (section 0, D2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The name of the parameter or body field, as the client wrote it.
    pub field: &'static str,
    /// What the value must be: the allowed range or values, for a person.
    pub reason: String,
}

impl Invalid {
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self {
            field,
            reason: reason.into(),
        }
    }
}

/// Picks the value that `text` names; the reason lists every name.
pub fn choose<T: Copy>(
    field: &'static str,
    text: &str,
    choices: &[(&str, T)],
) -> Result<T, Invalid> {
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    Err(Invalid::new(
        field,
        format!("must be one of: {}", names.join(", ")),
    ))
}

/// `text`, if it has `least` to `most` characters (Unicode scalar values).
pub fn text_within(
    field: &'static str,
    text: &str,
    least: usize,
    most: usize,
) -> Result<String, Invalid> {
    // The byte length bounds the character count, so a huge text is not walked.
    let fits = text.len() <= most * 4 && (least..=most).contains(&text.chars().count());
    if fits && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    Err(Invalid::new(
        field,
        format!("must have {least} to {most} characters, none of them NUL"),
    ))
}

/// The most characters of a URI that is stored.
const URI_LENGTH: usize = 2048;

/// `text`, if it is an absolute URI of at most 2048 characters.
pub fn uri(field: &'static str, text: &str) -> Result<String, Invalid> {
    if text.len() <= URI_LENGTH && Url::parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err(Invalid::new(
        field,
        format!("must be an absolute URI of at most {URI_LENGTH} characters"),
    ))
}
