//! Phone numbers of visitors.

use super::validation::ValidationError;

/// The number of digits of a phone number (ITU-T E.164 allows 15).
const DIGITS: std::ops::RangeInclusive<usize> = 6..=15;

/// A phone number: digits, with `+` before them in the international form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// What [`Self::parse`] accepts, as a regular expression of JSON Schema.
    pub const PATTERN: &str = r"^[ \u00a0()./-]*\+?([ \u00a0()./-]*[0-9]){6,15}[ \u00a0()./-]*$";

    /// Removes spaces and the signs `( ) - . /`, and checks the rest.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ValidationError> {
        let number: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '\u{a0}' | '(' | ')' | '-' | '.' | '/'))
            .collect();
        let digits = number.strip_prefix('+').unwrap_or(&number);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && DIGITS.contains(&digits.len()) {
            return Ok(Self(number));
        }
        let reason = "must be a phone number of 6 to 15 digits, such as +49 30 1234567";
        Err(ValidationError::new(field, reason))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_digits_and_may_be_international() {
        for (text, expected) in [
            ("+49 30 1234567", "+49301234567"),
            ("(030) 123-45.67", "0301234567"),
            ("030/123456", "030123456"),
        ] {
            let number = PhoneNumber::parse("phone", text).expect(text);
            assert_eq!(number.as_str(), expected);
        }
        for text in [
            "",
            "12345",
            "1234567890123456",
            "+",
            "++49301234",
            "030x12345",
            "٠٣٠١٢٣٤",
        ] {
            assert!(PhoneNumber::parse("phone", text).is_err(), "{text}");
        }
    }
}
