//! Text into words that can be compared: lower case, without diacritics, and
//! without the endings of English and German. The same is done to what is
//! searched and to what is asked, so an odd stem harms nothing but beauty.

/// The most bytes of a word that count; no honest word is longer.
const LONGEST: usize = 64;

/// Calls `each` with every word of `text`, folded: lower case, no
/// diacritics. Words with a hyphen
/// between them come one by one and as one: "pre-order" is "preorder" too.
/// Scripts that do not part their words by spaces give every two neighbouring
/// characters.
pub fn words(text: &str, mut each: impl FnMut(&str)) {
    let mut joined = String::with_capacity(LONGEST);
    let mut parts = 0;
    single_words(text, |word, is_joined| {
        if !is_joined {
            flush_joined(&mut joined, parts, &mut each);
            parts = 0;
        }
        each(word);
        if joined.len() + word.len() <= LONGEST {
            joined.push_str(word);
            parts += 1;
        }
    });
    flush_joined(&mut joined, parts, &mut each);
}

fn flush_joined(joined: &mut String, parts: usize, each: &mut impl FnMut(&str)) {
    if parts > 1 {
        each(joined);
    }
    joined.clear();
}

/// Calls `each` with every word, and whether a hyphen joins it to the one before.
fn single_words(text: &str, mut each: impl FnMut(&str, bool)) {
    let mut word = String::with_capacity(LONGEST);
    let mut previous = None;
    let mut is_joined = false;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if is_unspaced(c) {
            flush(&mut word, is_joined, &mut each);
            pair(previous, c, rest.clone().next(), &mut each);
            (previous, is_joined) = (Some(c), false);
            continue;
        }
        previous = None;
        if c.is_alphanumeric() || is_mark(c) {
            fold(c, &mut word);
        } else if !(is_apostrophe(c) && is_short_tail(rest.as_str())) {
            let ends_a_word = !word.is_empty();
            flush(&mut word, is_joined, &mut each);
            is_joined = ends_a_word && matches!(c, '-' | '‐' | '‑');
        }
    }
    flush(&mut word, is_joined, &mut each);
}

fn flush(word: &mut String, is_joined: bool, each: &mut impl FnMut(&str, bool)) {
    if !word.is_empty() {
        each(word, is_joined);
        word.clear();
    }
}

/// Two characters side by side; one that stands alone, by itself.
fn pair(previous: Option<char>, c: char, next: Option<char>, each: &mut impl FnMut(&str, bool)) {
    let mut text = String::with_capacity(8);
    match previous {
        Some(before) => text.push(before),
        None if next.is_some_and(is_unspaced) => return,
        None => {}
    }
    text.push(c);
    each(&text, false);
}

/// Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E01..=0x0E4E | 0x0E81..=0x0ECD | 0x1000..=0x104F | 0x1780..=0x17D3
        | 0x3041..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
        && c != '・'
}

/// Marks that belong to the letter before them.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x0300..=0x036F | 0x0591..=0x05BD | 0x064B..=0x0652
        | 0x093C | 0x094D | 0x09CD | 0x0A4D | 0x0BCD | 0x0C4D | 0x0CCD | 0x0D4D)
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

/// Whether what follows an apostrophe belongs to the word: "don't", "we'll",
/// but not "l'article".
fn is_short_tail(rest: &str) -> bool {
    let letters = rest.chars().take_while(|c| c.is_alphanumeric()).take(3);
    (1..=2).contains(&letters.count())
}

/// Appends `c` in lower case and without diacritics. Umlauts become their bare
/// vowel here; [`stem`] does the same to "ae", "oe" and "ue".
fn fold(c: char, word: &mut String) {
    if word.len() >= LONGEST {
        return;
    }
    if c.is_ascii() {
        word.push(c.to_ascii_lowercase());
        return;
    }
    for c in c.to_lowercase() {
        match c {
            'ß' => word.push_str("ss"),
            'þ' => word.push_str("th"),
            '\u{300}'..='\u{36F}' | '\u{64B}'..='\u{652}' => {}
            _ => word.push(bare(c)),
        }
    }
}

/// A letter without its diacritic.
fn bare(c: char) -> char {
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

/// The part of a folded word that its forms share.
pub fn stem(word: &str) -> String {
    if !word.is_ascii() {
        return shortened(word);
    }
    let mut stem = without_digraphs(word);
    if stem.len() < 4 || stem.bytes().any(|b| b.is_ascii_digit()) {
        return stem;
    }
    drop_participle(&mut stem);
    drop_plural(&mut stem);
    drop_suffix(&mut stem);
    drop_ending(&mut stem);
    stem
}

/// A word of another alphabet: most of them inflect at the end.
fn shortened(word: &str) -> String {
    let length = word.chars().count();
    let kept = match length {
        0..=4 => length,
        5..=6 => length - 1,
        _ => length - 2,
    };
    word.chars().take(kept).collect()
}

/// "ae", "oe" and "ue" as umlauts are folded: "zurueck" is "zuruck".
fn without_digraphs(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for c in word.chars() {
        if !(c == 'e' && plain.ends_with(['a', 'o', 'u']) && plain.len() + 1 < word.len()) {
            plain.push(c);
        }
    }
    plain
}

/// What German verbs put before the "ge" of their participle.
const PREFIXES: [&str; 16] = [
    "zuruck", "wieder", "weiter", "nach", "auf", "aus", "ein", "vor", "mit", "weg", "los", "her",
    "ab", "an", "um", "zu",
];

/// "geliefert" as "liefert", "zuruckgegeben" and "zuruckzugeben" as
/// "zuruckgeben".
fn drop_participle(stem: &mut String) {
    if stem.len() < 7 || !(stem.ends_with('t') || stem.ends_with("en")) {
        return;
    }
    let prefix = PREFIXES.iter().find(|prefix| stem.starts_with(**prefix));
    let at = prefix.map_or(0, |prefix| prefix.len());
    let rest = &stem[at..];
    let is_inner = rest.starts_with("ge") || (at > 0 && rest.starts_with("zu"));
    if is_inner && rest.len() >= 6 {
        stem.replace_range(at..at + 2, "");
    }
}

fn drop_plural(stem: &mut String) {
    if stem.ends_with("ies") {
        stem.truncate(stem.len() - 2);
    } else if stem.ends_with('s') && !["ss", "us", "is"].iter().any(|end| stem.ends_with(end)) {
        stem.pop();
    }
}

/// Suffixes that make a word of another, each with the fewest letters that must
/// be left.
const SUFFIXES: [(&str, usize); 13] = [
    ("ungen", 4),
    ("ation", 4),
    ("able", 4),
    ("ible", 4),
    ("ment", 3),
    ("lich", 4),
    ("keit", 4),
    ("heit", 4),
    ("ing", 3),
    ("ung", 3),
    ("ied", 3),
    ("ed", 3),
    ("ly", 4),
];

fn drop_suffix(stem: &mut String) {
    let fitting = SUFFIXES
        .iter()
        .find(|(end, least)| stem.ends_with(end) && stem.len() >= end.len() + least);
    let Some((end, _)) = fitting else {
        return;
    };
    let left = stem.len() - end.len();
    if stem[..left].bytes().any(|b| b"aeiouy".contains(&b)) {
        stem.truncate(left);
        undouble(stem);
    }
}

/// "shipp" as "ship", but "bill" and "pass" as they are.
fn undouble(stem: &mut String) {
    let bytes = stem.as_bytes();
    let Some([.., before, last]) = bytes.get(1..) else {
        return;
    };
    if before == last && !b"lsz".contains(last) {
        stem.pop();
    }
}

/// The endings that words of both languages inflect with.
fn drop_ending(stem: &mut String) {
    let ends = ["ern", "en", "er", "es", "em", "e", "y", "i", "n", "t"];
    for _ in 0..2 {
        let least = |end: &str| match end {
            "n" => 5,
            "e" | "y" | "i" => 3,
            _ => 4,
        };
        let fitting = ends.iter().find(|end| {
            stem.ends_with(**end)
                && stem.len() >= end.len() + least(end)
                && !(**end == "n" && !stem.ends_with("rn") && !stem.ends_with("ln"))
        });
        match fitting {
            Some(end) => stem.truncate(stem.len() - end.len()),
            None => break,
        }
    }
    if stem.len() > 5 && stem.ends_with("ll") {
        stem.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        words(text, |word| found.push(word.to_owned()));
        found
    }

    #[test]
    fn words_are_folded_and_parted() {
        assert_eq!(all("Don't  «ZURÜCK»-Straße"), ["dont", "zuruck", "strasse"]);
        assert_eq!(all("l'été d’ici"), ["l", "ete", "d", "ici"]);
        assert_eq!(all("pre-order"), ["pre", "order", "preorder"]);
        assert_eq!(all("e\u{301}te\u{301}"), ["ete"]);
        assert_eq!(all("如何退货 A 中"), ["如何", "何退", "退货", "a", "中"]);
        assert_eq!(all(" \0 …!"), [""; 0]);
    }

    #[test]
    fn the_forms_of_a_word_share_a_stem() {
        for forms in [
            "ship ships shipped shipping shipment",
            "deliver delivery deliveries delivered delivering",
            "cancel cancelled canceled cancellation cancelling",
            "pay pays payment payments paying",
            "refund refunds refunded refundable",
            "lieferung lieferungen liefern liefert geliefert",
            "zuruckgeben zurueckgeben zuruckgegeben zuruckzugeben",
            "kaufen gekauft kauft",
            "gutschein gutscheine gutscheinen",
            "wash washing washed washable",
            "account accounts",
        ] {
            let stems: Vec<_> = forms.split(' ').map(stem).collect();
            assert!(stems.iter().all(|other| *other == stems[0]), "{stems:?}");
        }
    }

    #[test]
    fn different_words_keep_different_stems() {
        for (one, other) in [
            ("order", "ordinary"),
            ("bill", "bilge"),
            ("pan", "pants"),
            ("price", "prize"),
            ("lid", "lied"),
        ] {
            assert_ne!(stem(one), stem(other));
        }
    }
}
