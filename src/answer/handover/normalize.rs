//! Normalises text for the comparison with the entries of a vocabulary.

use crate::answer::retrieval::{
    is_apostrophe, is_combining_mark, push_folded, starts_with_contraction,
};

/// The marks at the end of sentences, questions and clauses in normalised text.
pub const SENTENCE_END: char = '.';
pub const QUESTION_END: char = '?';
pub const CLAUSE_END: char = ',';

/// Returns the words of `text` in lower case and without diacritics, separated by
/// single spaces. Punctuation becomes a word of its own: [`SENTENCE_END`],
/// [`QUESTION_END`] or [`CLAUSE_END`]. Spaces between Chinese, Japanese and Korean characters are
/// removed, because writers set them freely.
pub fn normalize(text: &str) -> String {
    let mut normalized = Normalizer {
        output: String::with_capacity(text.len() + 8),
        last: None,
        has_gap: false,
    };
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        normalized.add(half_width(c), rest.as_str());
    }
    normalized.output
}

/// Whether `c` is of a script that is written without spaces, or of Korean.
pub fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x3041..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
        && c != '・'
}

/// Returns the ASCII character of a full-width one, and the ASCII digit of a digit
/// of another script.
pub fn half_width(c: char) -> char {
    let code = u32::from(c);
    match code {
        0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        0x0660..=0x0669 => ascii_digit(code - 0x0660),
        0x06F0..=0x06F9 => ascii_digit(code - 0x06F0),
        0x0966..=0x096F => ascii_digit(code - 0x0966),
        _ => c,
    }
}

fn ascii_digit(value: u32) -> char {
    char::from_digit(value, 10).unwrap_or('0')
}

struct Normalizer {
    output: String,
    /// The last character of the text that is part of a word.
    last: Option<char>,
    /// Whether a word that follows is a new one.
    has_gap: bool,
}

impl Normalizer {
    fn add(&mut self, c: char, rest: &str) {
        match c {
            '.' if rest.starts_with(char::is_alphanumeric) => self.has_gap = true,
            '?' | '؟' | '\u{37E}' => self.add_mark(QUESTION_END),
            ';' if self.last.is_some_and(is_greek) => self.add_mark(QUESTION_END),
            '.' | '!' | ';' | '\n' | '。' | '।' | '؛' | '…' => self.add_mark(SENTENCE_END),
            ',' | '،' | '、' | ':' | '(' | ')' | '–' | '—' => self.add_mark(CLAUSE_END),
            _ if is_apostrophe(c) || matches!(c, '`' | '´' | 'ʼ') => {
                let joins = starts_with_contraction(rest) || self.last.is_some_and(is_cyrillic);
                self.has_gap |= !joins;
            }
            _ if c.is_alphanumeric() || is_combining_mark(c) => self.add_letter(c),
            _ => self.has_gap = true,
        }
    }

    fn add_mark(&mut self, mark: char) {
        if self.output.is_empty()
            || self
                .output
                .ends_with([SENTENCE_END, QUESTION_END, CLAUSE_END])
        {
            return;
        }
        self.output.push(' ');
        self.output.push(mark);
        (self.last, self.has_gap) = (Some(mark), true);
    }

    fn add_letter(&mut self, c: char) {
        if let Some(last) = self.last {
            let is_script_change = is_unspaced(last) != is_unspaced(c);
            let is_glued = is_unspaced(last) && is_unspaced(c);
            if is_script_change || self.has_gap && !is_glued {
                self.output.push(' ');
            }
        }
        push_letter(c, &mut self.output);
        (self.last, self.has_gap) = (Some(c), false);
    }
}

fn is_greek(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{3FF}')
}

fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{4FF}')
}

/// Appends a letter without the differences of spelling that writers neglect.
fn push_letter(c: char, output: &mut String) {
    match c {
        'أ' | 'إ' | 'آ' | 'ٱ' => output.push('ا'),
        'ى' | 'ئ' | 'ی' => output.push('ي'),
        'ؤ' => output.push('و'),
        'ة' => output.push('ه'),
        'ک' => output.push('ك'),
        // Tatweel, nukta, and the Hindi marks of nasal vowels.
        'ـ' | '\u{93C}' => {}
        '\u{901}' => output.push('\u{902}'),
        '\u{958}' => output.push('क'),
        '\u{959}' => output.push('ख'),
        '\u{95A}' => output.push('ग'),
        '\u{95B}' => output.push('ज'),
        '\u{95C}' => output.push('ड'),
        '\u{95D}' => output.push('ढ'),
        '\u{95E}' => output.push('फ'),
        'ґ' => output.push('г'),
        _ => push_folded(c, output),
    }
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn text_becomes_words_and_marks() {
        for (text, expected) in [
            ("I'd like a PERSON, please!!", "id like a person , please ."),
            ("l’agent d'accueil", "l agent d accueil"),
            ("зв'яжіть мене", "звяжіть мене"),
            ("상담원 연결해 주세요", "상담원연결해주세요"),
            ("转agent 吧", "转 agent 吧"),
            ("أريد موظّفة؟", "اريد موظفه ?"),
            ("άνθρωπο;", "ανθρωπο ?"),
            ("ＡＢ １２ ٣٤", "ab 12 34"),
            ("see example.com, v1.5.", "see example com , v1 5 ."),
            ("Görüşmek İSTİYORUM", "gorusmek istiyorum"),
            ("", ""),
            ("?!", ""),
        ] {
            assert_eq!(normalize(text), expected, "{text}");
        }
    }
}
