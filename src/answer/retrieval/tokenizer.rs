//! Splits text into tokens for the index and for queries. A token is a word in
//! lower case without diacritics.

/// The maximum length of a token. Longer words are truncated.
const MAX_TOKEN_BYTES: usize = 64;

/// Calls `emit` with each token of `text`.
///
/// A hyphenated word yields its parts and the joined word: "pre-order" yields
/// "pre", "order" and "preorder". Scripts without spaces between words yield
/// bigrams of adjacent characters.
pub fn tokenize(text: &str, mut emit: impl FnMut(&str)) {
    let mut joined = String::with_capacity(MAX_TOKEN_BYTES);
    let mut part_count = 0;
    split_tokens(text, |token, follows_hyphen| {
        if !follows_hyphen {
            flush_joined(&mut joined, part_count, &mut emit);
            part_count = 0;
        }
        emit(token);
        if joined.len() + token.len() <= MAX_TOKEN_BYTES {
            joined.push_str(token);
            part_count += 1;
        }
    });
    flush_joined(&mut joined, part_count, &mut emit);
}

fn flush_joined(joined: &mut String, part_count: usize, emit: &mut impl FnMut(&str)) {
    if part_count > 1 {
        emit(joined);
    }
    joined.clear();
}

/// Calls `emit` with each token and with whether a hyphen joins it to the
/// previous token.
fn split_tokens(text: &str, mut emit: impl FnMut(&str, bool)) {
    let mut token = String::with_capacity(MAX_TOKEN_BYTES);
    let mut previous = None;
    let mut follows_hyphen = false;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if is_unsegmented_script(c) {
            flush_token(&mut token, follows_hyphen, &mut emit);
            emit_bigram(previous, c, rest.clone().next(), &mut emit);
            (previous, follows_hyphen) = (Some(c), false);
            continue;
        }
        previous = None;
        if c.is_alphanumeric() || is_combining_mark(c) {
            push_normalized(c, &mut token);
        } else if !(is_apostrophe(c) && starts_with_contraction(rest.as_str())) {
            let ends_token = !token.is_empty();
            flush_token(&mut token, follows_hyphen, &mut emit);
            follows_hyphen = ends_token && matches!(c, '-' | '‐' | '‑');
        }
    }
    flush_token(&mut token, follows_hyphen, &mut emit);
}

fn flush_token(token: &mut String, follows_hyphen: bool, emit: &mut impl FnMut(&str, bool)) {
    if !token.is_empty() {
        emit(token, follows_hyphen);
        token.clear();
    }
}

/// Emits `previous` and `c` as one token. Emits `c` alone if it has no neighbour
/// of an unsegmented script.
fn emit_bigram(
    previous: Option<char>,
    c: char,
    next: Option<char>,
    emit: &mut impl FnMut(&str, bool),
) {
    let mut token = String::with_capacity(8);
    match previous {
        Some(previous) => token.push(previous),
        None if next.is_some_and(is_unsegmented_script) => return,
        None => {}
    }
    token.push(c);
    emit(&token, false);
}

/// Whether `c` belongs to a script that is indexed by bigrams: Chinese, Japanese,
/// Korean, Thai, Lao, Burmese or Khmer.
fn is_unsegmented_script(c: char) -> bool {
    matches!(u32::from(c),
        0x0E01..=0x0E4E | 0x0E81..=0x0ECD | 0x1000..=0x104F | 0x1780..=0x17D3
        | 0x3041..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
        && c != '・'
}

/// Whether `c` is a combining mark, which belongs to the letter before it.
pub fn is_combining_mark(c: char) -> bool {
    matches!(u32::from(c), 0x0300..=0x036F | 0x0591..=0x05BD | 0x064B..=0x0652
        | 0x093C | 0x094D | 0x09CD | 0x0A4D | 0x0BCD | 0x0C4D | 0x0CCD | 0x0D4D)
}

pub fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

/// Whether the text after an apostrophe continues the word, as in "don't" and
/// "we'll". In "l'article" it starts a new word.
pub fn starts_with_contraction(rest: &str) -> bool {
    let letters = rest.chars().take_while(|c| c.is_alphanumeric()).take(3);
    (1..=2).contains(&letters.count())
}

fn push_normalized(c: char, token: &mut String) {
    if token.len() < MAX_TOKEN_BYTES {
        push_folded(c, token);
    }
}

/// Appends `c` in lower case and without diacritics. Umlauts become their base
/// vowel. The stemmer does the same to "ae", "oe" and "ue".
pub fn push_folded(c: char, token: &mut String) {
    if c.is_ascii() {
        token.push(c.to_ascii_lowercase());
        return;
    }
    for c in c.to_lowercase() {
        match c {
            'ß' => token.push_str("ss"),
            'þ' => token.push_str("th"),
            '\u{300}'..='\u{36F}' | '\u{64B}'..='\u{652}' => {}
            _ => token.push(strip_diacritic(c)),
        }
    }
}

/// Returns the base letter of a letter with a diacritic.
fn strip_diacritic(c: char) -> char {
    match c {
        'à'..='æ' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ'..='ặ' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ð' | 'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ẹ'..='ệ' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ỉ' | 'ị' => 'i',
        'ĺ' | 'ļ' | 'ľ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'œ' | 'ơ' | 'ọ'..='ợ' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => 's',
        'ţ' | 'ť' | 'ț' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ'..='ự' => 'u',
        'ý' | 'ÿ' | 'ŷ' | 'ỳ'..='ỹ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' | 'ΐ' => 'ι',
        'ό' => 'ο',
        'ύ' | 'ϋ' | 'ΰ' => 'υ',
        'ώ' => 'ω',
        'ς' => 'σ',
        'ё' => 'е',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::tokenize;

    fn tokens(text: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        tokenize(text, |token| tokens.push(token.to_owned()));
        tokens
    }

    #[test]
    fn tokens_are_lower_case_words_without_diacritics() {
        assert_eq!(
            tokens("Don't  «ZURÜCK»-Straße"),
            ["dont", "zuruck", "strasse"]
        );
        assert_eq!(tokens("l'été d’ici"), ["l", "ete", "d", "ici"]);
        assert_eq!(tokens("pre-order"), ["pre", "order", "preorder"]);
        assert_eq!(tokens("e\u{301}te\u{301}"), ["ete"]);
        assert_eq!(tokens("如何退货 A 中"), ["如何", "何退", "退货", "a", "中"]);
        assert_eq!(tokens(" \0 …!"), [""; 0]);
    }
}
