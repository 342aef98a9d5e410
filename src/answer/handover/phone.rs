//! Finds phone numbers in text.

use std::ops::Range;

use super::normalize::half_width;

/// The number of digits of a number with a country code (E.164).
const INTERNATIONAL_DIGITS: Range<usize> = 8..16;
/// The number of digits of a number with a leading zero.
const NATIONAL_DIGITS: Range<usize> = 9..13;
/// The number of digits of other numbers, without and with a word that introduces a
/// phone number.
const LOCAL_DIGITS: Range<usize> = 9..12;
const INTRODUCED_DIGITS: Range<usize> = 7..13;

/// The maximum number of separators between two digits: ") " and " - ".
const MAX_SEPARATORS: usize = 3;

/// What the words before a number say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introduction {
    /// "call me", "my number is".
    Phone,
    /// "order number", "invoice".
    OtherNumber,
    None,
}

/// Digits with separators between them.
#[derive(Debug)]
pub struct DigitRun {
    pub range: Range<usize>,
    /// The digits, with the separators as single characters.
    digits: String,
    group_sizes: Vec<usize>,
    has_plus: bool,
    /// Whether all separators are full stops, slashes or hyphens.
    separators: String,
    /// Whether the run is a part of a code, such as "TC-48213", or a price.
    is_part: bool,
}

/// Returns the runs of digits in `text`.
pub fn digit_runs(text: &str) -> Vec<DigitRun> {
    let mut runs = Vec::new();
    let mut start = 0;
    while let Some(offset) = text[start..].find(is_digit) {
        let run = DigitRun::parse(text, start + offset);
        start = run.range.end;
        runs.push(run);
    }
    runs
}

fn is_digit(c: char) -> bool {
    half_width(c).is_ascii_digit()
}

/// Whether `c` separates the groups of a phone number.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{A0}' | '-' | '‐' | '‑' | '–' | '.' | '/' | '(' | ')' | '－' | '　'
    )
}

impl DigitRun {
    /// Parses the run whose first digit is at `start`.
    fn parse(text: &str, start: usize) -> Self {
        let mut run = Self {
            range: start..start,
            digits: String::new(),
            group_sizes: vec![0],
            has_plus: false,
            separators: String::new(),
            is_part: false,
        };
        let mut pending = String::new();
        for (offset, c) in text[start..].char_indices() {
            if is_digit(c) {
                run.add_digit(c, &mut pending);
                run.range.end = start + offset + c.len_utf8();
            } else if is_separator(c) && pending.chars().count() < MAX_SEPARATORS {
                pending.push(c);
            } else {
                break;
            }
        }
        let before = text[..start].trim_end_matches(['(', ' ']);
        run.has_plus = before.ends_with(['+', '＋']);
        run.is_part = is_code_before(&text[..start]) || is_code_after(&text[run.range.end..]);
        run
    }

    fn add_digit(&mut self, c: char, pending: &mut String) {
        if !pending.is_empty() {
            self.group_sizes.push(0);
            self.separators.push_str(pending);
            pending.clear();
        }
        self.digits.push(half_width(c));
        if let Some(size) = self.group_sizes.last_mut() {
            *size += 1;
        }
    }

    /// Whether the run has enough digits for a phone number.
    pub fn could_be_phone(&self) -> bool {
        INTRODUCED_DIGITS.start <= self.digits.len()
            && self.digits.len() < INTERNATIONAL_DIGITS.end + 2
    }

    /// Returns the phone number with its digits and a leading "+" only, or `None` if
    /// the run is probably no phone number.
    pub fn phone(&self, introduction: Introduction) -> Option<String> {
        let digits = self.digits.as_str();
        if introduction == Introduction::OtherNumber || self.is_part || self.is_other_form() {
            return None;
        }
        if self.has_plus {
            let number = format!("+{digits}");
            return INTERNATIONAL_DIGITS
                .contains(&digits.len())
                .then_some(number);
        }
        if let Some(international) = digits.strip_prefix("00") {
            let is_valid = INTERNATIONAL_DIGITS.contains(&international.len());
            return is_valid.then(|| format!("+{international}"));
        }
        let is_introduced = introduction == Introduction::Phone;
        let is_valid = digits.starts_with('0') && NATIONAL_DIGITS.contains(&digits.len())
            || is_introduced && INTRODUCED_DIGITS.contains(&digits.len())
            || LOCAL_DIGITS.contains(&digits.len()) && self.has_local_form();
        is_valid.then(|| digits.to_owned())
    }

    /// Whether a number without a prefix has the groups of a phone number, or the
    /// form of a Chinese mobile number.
    fn has_local_form(&self) -> bool {
        let is_mobile = self.digits.len() == 11
            && self.digits.starts_with('1')
            && matches!(self.digits.as_bytes()[1], b'3'..=b'9');
        let has_groups = self.group_sizes.len() >= 3 && self.group_sizes.iter().all(|&n| n >= 2);
        is_mobile || has_groups || self.group_sizes == [5, 5] || self.group_sizes == [3, 7]
    }

    /// Whether the run has the form of a date, an amount, an IP address or a time.
    fn is_other_form(&self) -> bool {
        let sizes = self.group_sizes.as_slice();
        let has_only = |c: char| self.separators.chars().all(|separator| separator == c);
        let is_date = matches!(sizes, [4, 1..=2, 1..=2] | [1..=2, 1..=2, 2 | 4])
            && ['.', '-', '/'].into_iter().any(has_only);
        let is_thousands = sizes.len() > 2
            && has_only('.')
            && sizes[0] <= 3
            && sizes[1..].iter().all(|&size| size == 3)
            && !self.digits.starts_with('0');
        let is_ip = sizes.len() == 4 && has_only('.') && sizes.iter().all(|&size| size <= 3);
        !self.has_plus && (is_date || is_thousands || is_ip)
    }
}

/// Whether a number after `before` continues a code or is a price.
fn is_code_before(before: &str) -> bool {
    let mut chars = before.chars().rev();
    let Some(last) = chars.next() else {
        return false;
    };
    let previous = chars.next();
    let is_joined = matches!(last, '-' | '_' | '/' | '.' | '=' | ':' | '–')
        && previous.is_some_and(|c| is_code_letter(c) || last != ':' && !c.is_whitespace());
    let is_price = |c: char| matches!(c, '€' | '$' | '£' | '¥' | '₹' | '₩' | '₴' | '₺' | '#' | '№');
    is_code_letter(last) && last != '+'
        || is_joined && last != ':'
        || is_price(last)
        || last == ' ' && previous.is_some_and(is_price)
}

/// Whether the text after a number makes it a code, a price or a percentage.
fn is_code_after(after: &str) -> bool {
    let next = after.trim_start_matches(' ').chars().next();
    after.starts_with(is_code_letter)
        || after.starts_with(['_', '@', '='])
        || after
            .strip_prefix([',', ':', '.'])
            .is_some_and(|rest| rest.starts_with(is_digit))
        || next
            .is_some_and(|c| matches!(c, '€' | '$' | '£' | '¥' | '₹' | '₩' | '₴' | '₺' | '%' | '°'))
}

fn is_code_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::{Introduction, digit_runs};

    fn phones(text: &str, introduction: Introduction) -> Vec<String> {
        let runs = digit_runs(text);
        runs.iter()
            .filter_map(|run| run.phone(introduction))
            .collect()
    }

    #[test]
    fn phone_numbers_are_found_and_normalized() {
        for (text, expected) in [
            ("+49 30 1234567", "+49301234567"),
            ("+49 (0)30 / 123 45 67", "+490301234567"),
            ("0049-30-1234567", "+49301234567"),
            ("030 1234567", "0301234567"),
            ("06.12.34.56.78", "0612345678"),
            ("(555) 123-4567", "5551234567"),
            ("٠٥٠١٢٣٤٥٦٧", "0501234567"),
            ("＋８１　９０－１２３４－５６７８", "+819012345678"),
            ("我的电话13812345678", "13812345678"),
            ("010-1234-5678로 전화 주세요", "01012345678"),
            ("९८७६५ ४३२१०", "9876543210"),
        ] {
            assert_eq!(phones(text, Introduction::None), [expected], "{text}");
        }
        assert_eq!(phones("1234567", Introduction::Phone), ["1234567"]);
    }

    #[test]
    fn other_numbers_are_no_phone_numbers() {
        for text in [
            "TC-48213",
            "order 4821312345",
            "2026-05-12",
            "12.05.2026",
            "12/05/2026",
            "1.299.000",
            "€ 1000000000",
            "0123456789 €",
            "DE89 3704 0044 0532 0130 00",
            "4111 1111 1111 1111",
            "1Z999AA10123456784",
            "#0301234567",
            "192.168.100.200",
            "978-3-16-148410-0",
            "10:30",
            "3.5",
            "1234567",
            "",
        ] {
            assert_eq!(phones(text, Introduction::None), [""; 0], "{text}");
        }
        assert_eq!(phones("0301234567", Introduction::OtherNumber), [""; 0]);
    }
}
