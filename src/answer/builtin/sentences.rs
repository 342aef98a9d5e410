//! Finds the ends of sentences.

/// Abbreviations in lower case, without the dot at their end.
const ABBREVIATIONS: &str = "abs abt allg approx art av bspw bzgl bzw ca cf co dept dr ed eds \
    etc evtl excl exkl fig figs ggf hr hrsg inc incl inkl jr kap lfd ltd max mdm mind mio mrd \
    mr mrs ms mwst no nos nr núm num p pág pag par pl pos pp prof pt red resp s sec sr sra st \
    std str svw tab tel tgl u ugs usf usw vgl vol vs wg zb zzgl zzt";

/// The maximum number of digits of an ordinal number: "3. Mai".
const MAX_ORDINAL_DIGITS: usize = 2;

/// Returns the positions after the sentences of a paragraph except the last one. A
/// sentence does not end inside emphasis, code or a link.
pub fn sentence_ends(text: &str) -> Vec<usize> {
    let (mut ends, mut start) = (Vec::new(), 0);
    for (index, c) in text.char_indices() {
        let next = index + c.len_utf8();
        let is_end = match c {
            '.' => is_before_space(&text[next..]) && !is_abbreviation(&text[start..index]),
            '!' | '?' | '।' | '؟' | ':' => is_before_space(&text[next..]) && c != ':',
            '。' | '！' | '？' => true,
            _ => false,
        };
        if is_end && has_balanced_marks(&text[start..next]) {
            ends.push(next);
            start = next;
        }
    }
    ends
}

fn is_before_space(rest: &str) -> bool {
    rest.starts_with([' ', '\n'])
}

/// Whether a dot after this text is part of an abbreviation, an ordinal number or a
/// version.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '„'));
    let word = word.into_iter().next().unwrap_or_default();
    // "z.B", "e.g", "1.2" and "v1.2".
    let last_part = word.rsplit('.').next().unwrap_or_default();
    let has_dot = word.contains('.');
    let is_number = !last_part.is_empty() && last_part.bytes().all(|b| b.is_ascii_digit());
    if is_number {
        return has_dot || last_part.len() <= MAX_ORDINAL_DIGITS;
    }
    let is_version =
        word.starts_with(['v', 'V']) && word[1..].starts_with(|c: char| c.is_ascii_digit());
    let mut letters = last_part.chars();
    let is_single_letter =
        letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
    let lower = last_part.to_lowercase();
    let is_known = ABBREVIATIONS.split_whitespace().any(|known| known == lower);
    is_version
        || is_single_letter
        || is_known
        || (has_dot && last_part.chars().count() <= 2)
        || lower == "ej"
}

fn has_balanced_marks(text: &str) -> bool {
    let is_even = |mark: &str| text.matches(mark).count().is_multiple_of(2);
    let count = |c: char| text.matches(c).count();
    ["**", "*", "`", "_"].into_iter().all(is_even)
        && count('[') == count(']')
        && count('(') == count(')')
}

#[cfg(test)]
mod tests {
    use super::sentence_ends;

    #[test]
    fn abbreviations_and_numbers_do_not_end_a_sentence() {
        for text in [
            "Wir liefern z. B. nach Wien.",
            "Wir liefern z.B. nach Wien.",
            "Wir holen ab bzw. liefern, d. h. ca. 3 Tage.",
            "Siehe Nr. 5 und Abs. 2.",
            "Bring it, e.g. in a bag, i.e. packed.",
            "Boxes, bags etc. are free.",
            "Ask Dr. Miller or Mr. Smith, No. 5.",
            "Red vs. blue, approx. 3 kg.",
            "Traiga una caja, p. ej. de cartón.",
            "Am 3. Mai ist zu.",
            "Since v1.2. it is free.",
            "**One. Two** and `a. b` and [c. d](https://x.example).",
        ] {
            assert_eq!(sentence_ends(text), [0_usize; 0], "{text}");
        }
    }

    #[test]
    fn sentences_end_at_marks() {
        for (text, count) in [
            ("One. Two! Three? Four", 3),
            ("In 2024. Then more.", 1),
            ("It costs 300. More is better.", 1),
            ("一。二！三", 2),
            ("क्या? हाँ। ठीक", 2),
        ] {
            assert_eq!(sentence_ends(text).len(), count, "{text}");
        }
    }
}
