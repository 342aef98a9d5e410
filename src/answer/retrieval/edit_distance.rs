//! Edit distance between two words (Damerau-Levenshtein).

/// Whether at most `max_edits` insertions, deletions, substitutions or swaps of
/// adjacent letters turn one word into the other. The time grows exponentially
/// with `max_edits`, which should be 1 or 2.
pub fn is_within_edits(one: &str, other: &str, max_edits: usize) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return are_within_edits(one.as_bytes(), other.as_bytes(), max_edits);
    }
    let [one, other] = [one, other].map(|word| word.chars().collect::<Vec<_>>());
    are_within_edits(&one, &other, max_edits)
}

/// Skips the common prefix and tries each kind of edit at the first difference.
fn are_within_edits<T: Eq>(one: &[T], other: &[T], max_edits: usize) -> bool {
    if one.len().abs_diff(other.len()) > max_edits {
        return false;
    }
    let pairs = one.iter().zip(other);
    let prefix = pairs.take_while(|(one, other)| one == other).count();
    match (&one[prefix..], &other[prefix..]) {
        ([], _) | (_, []) => true,
        _ if max_edits == 0 => false,
        (one @ [a, one_rest @ ..], other @ [b, other_rest @ ..]) => {
            let is_swap = one_rest.first() == Some(b) && other_rest.first() == Some(a);
            are_within_edits(one_rest, other_rest, max_edits - 1)
                || are_within_edits(one, other_rest, max_edits - 1)
                || are_within_edits(one_rest, other, max_edits - 1)
                || is_swap && are_within_edits(&one_rest[1..], &other_rest[1..], max_edits - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_within_edits;

    #[test]
    fn edits_are_counted_up_to_the_limit() {
        for (one, other, edits) in [
            ("return", "return", 0),
            ("retrun", "return", 1),
            ("refnd", "refund", 1),
            ("grmany", "germany", 1),
            ("mashine", "machine", 1),
            ("возрат", "возврат", 1),
            ("weiderrfu", "widerruf", 2),
            ("kitten", "sitting", 3),
            ("", "abc", 3),
        ] {
            for max_edits in 0..5 {
                let expected = edits <= max_edits;
                assert_eq!(
                    is_within_edits(one, other, max_edits),
                    expected,
                    "{one} {other}"
                );
                assert_eq!(
                    is_within_edits(other, one, max_edits),
                    expected,
                    "{other} {one}"
                );
            }
        }
    }
}
