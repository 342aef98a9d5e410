//! The error for a value that breaks a rule, and the rules that several fields
//! share.

use url::Url;

/// A value that breaks a rule. The HTTP layer responds with 422
/// `VALIDATION_ERROR` and both fields as details (docs/api-contract.md, section
/// 2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationError {
    /// The path of the parameter or body field, as the client writes it.
    pub field: &'static str,
    /// The allowed range or the allowed values, in words.
    pub reason: String,
}

impl ValidationError {
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self {
            field,
            reason: reason.into(),
        }
    }
}

/// Returns the value that `text` names in `choices`. The error lists all names.
pub fn parse_enum<T: Copy>(
    field: &'static str,
    text: &str,
    choices: &[(&str, T)],
) -> Result<T, ValidationError> {
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    Err(ValidationError::new(
        field,
        format!("must be one of: {}", names.join(", ")),
    ))
}

/// Returns `text` if it has `min` to `max` characters (Unicode scalar values)
/// and none of them is NUL.
pub fn bounded_text(
    field: &'static str,
    text: &str,
    min: usize,
    max: usize,
) -> Result<String, ValidationError> {
    // A character has at most four bytes, so a text that is much too long is
    // refused without counting its characters.
    let fits = text.len() <= max * 4 && (min..=max).contains(&text.chars().count());
    if fits && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    Err(ValidationError::new(
        field,
        format!("must have {min} to {max} characters, none of them NUL"),
    ))
}

/// Checks that `text` has at most `max` bytes.
///
/// # Errors
/// The allowed length in words.
pub fn bounded_bytes(field: &'static str, text: &str, max: usize) -> Result<(), ValidationError> {
    if text.len() <= max {
        return Ok(());
    }
    Err(ValidationError::new(
        field,
        format!("must have at most {max} bytes"),
    ))
}

/// Returns the first `max` characters of `text`, without NUL.
pub fn text_prefix(text: &str, max: usize) -> String {
    let characters = text.chars().filter(|character| *character != '\0');
    characters.take(max).collect()
}

/// The maximum length of a stored URI in bytes.
pub const MAX_URI_BYTES: usize = 2048;

/// Returns `text` if it is an absolute URI of at most [`MAX_URI_BYTES`].
pub fn parse_uri(field: &'static str, text: &str) -> Result<String, ValidationError> {
    if text.len() <= MAX_URI_BYTES && Url::parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err(ValidationError::new(
        field,
        format!("must be an absolute URI of at most {MAX_URI_BYTES} characters"),
    ))
}
