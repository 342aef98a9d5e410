//! Reduces tokens to stems: removes inflectional endings and common suffixes of
//! English and German. Documents and queries use the same rules, so a stem need
//! not be a real word.

/// Returns the stem of a token. Inflected forms of one word have the same stem.
pub fn stem(token: &str) -> String {
    if !token.is_ascii() {
        return truncate(token);
    }
    let mut stem = replace_umlaut_digraphs(token);
    if stem.len() < 4 || stem.bytes().any(|b| b.is_ascii_digit()) {
        return stem;
    }
    strip_participle_infix(&mut stem);
    strip_plural(&mut stem);
    strip_suffix(&mut stem);
    strip_inflection(&mut stem);
    stem
}

/// Stems a token that is not ASCII by dropping its last characters. Most
/// languages inflect at the end of a word.
fn truncate(token: &str) -> String {
    let length = token.chars().count();
    let stem_length = match length {
        0..=4 => length,
        5..=6 => length - 1,
        _ => length - 2,
    };
    token.chars().take(stem_length).collect()
}

/// Replaces "ae", "oe" and "ue" with the base vowel, as the tokenizer does with
/// umlauts: "zurueck" becomes "zuruck".
fn replace_umlaut_digraphs(token: &str) -> String {
    let mut plain = String::with_capacity(token.len());
    for c in token.chars() {
        if !(c == 'e' && plain.ends_with(['a', 'o', 'u']) && plain.len() + 1 < token.len()) {
            plain.push(c);
        }
    }
    plain
}

/// Prefixes that a German verb has before the "ge" of its participle.
const SEPARABLE_PREFIXES: [&str; 16] = [
    "zuruck", "wieder", "weiter", "nach", "auf", "aus", "ein", "vor", "mit", "weg", "los", "her",
    "ab", "an", "um", "zu",
];

/// Removes the "ge" of a German participle and the "zu" of an infinitive:
/// "geliefert" becomes "liefert", "zuruckgegeben" and "zuruckzugeben" become
/// "zuruckgeben".
fn strip_participle_infix(stem: &mut String) {
    if stem.len() < 7 || !(stem.ends_with('t') || stem.ends_with("en")) {
        return;
    }
    let prefix = SEPARABLE_PREFIXES
        .iter()
        .find(|prefix| stem.starts_with(**prefix));
    let at = prefix.map_or(0, |prefix| prefix.len());
    let rest = &stem[at..];
    let has_infix = rest.starts_with("ge") || (at > 0 && rest.starts_with("zu"));
    if has_infix && rest.len() >= 6 {
        stem.replace_range(at..at + 2, "");
    }
}

fn strip_plural(stem: &mut String) {
    if stem.ends_with("ies") {
        stem.truncate(stem.len() - 2);
    } else if stem.ends_with('s') && !["ss", "us", "is"].iter().any(|end| stem.ends_with(end)) {
        stem.pop();
    }
}

/// Derivational suffixes. The number is the minimum length of the stem, in
/// letters, that must remain.
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

fn strip_suffix(stem: &mut String) {
    let suffix = SUFFIXES
        .iter()
        .find(|(suffix, min_stem)| stem.ends_with(suffix) && stem.len() >= suffix.len() + min_stem);
    let Some((suffix, _)) = suffix else {
        return;
    };
    let stem_length = stem.len() - suffix.len();
    if stem[..stem_length].bytes().any(|b| b"aeiouy".contains(&b)) {
        stem.truncate(stem_length);
        undouble(stem);
    }
}

/// Removes the second of two equal final consonants: "shipp" becomes "ship".
/// Keeps "l", "s" and "z", as in "bill" and "pass".
fn undouble(stem: &mut String) {
    let bytes = stem.as_bytes();
    let Some([.., before, last]) = bytes.get(1..) else {
        return;
    };
    if before == last && !b"lsz".contains(last) {
        stem.pop();
    }
}

/// Removes up to two inflectional endings of English or German.
fn strip_inflection(stem: &mut String) {
    let endings = ["ern", "en", "er", "es", "em", "e", "y", "i", "n", "t"];
    for _ in 0..2 {
        let min_stem = |ending: &str| match ending {
            "n" => 5,
            "e" | "y" | "i" => 3,
            _ => 4,
        };
        let ending = endings.iter().find(|ending| {
            stem.ends_with(**ending)
                && stem.len() >= ending.len() + min_stem(ending)
                && !(**ending == "n" && !stem.ends_with("rn") && !stem.ends_with("ln"))
        });
        match ending {
            Some(ending) => stem.truncate(stem.len() - ending.len()),
            None => break,
        }
    }
    if stem.len() > 5 && stem.ends_with("ll") {
        stem.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn inflected_forms_share_a_stem() {
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
