//! How far two words are apart.

/// Whether at most `most` letters are to be added, dropped, changed or swapped
/// with their neighbour to make one word of the other. It takes longer with each
/// edit that is allowed: meant for one or two.
pub fn within(one: &str, other: &str, most: usize) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return are_within(one.as_bytes(), other.as_bytes(), most);
    }
    let [one, other] = [one, other].map(|word| word.chars().collect::<Vec<_>>());
    are_within(&one, &other, most)
}

/// Tries each edit where the two begin to differ.
fn are_within<T: Eq>(one: &[T], other: &[T], most: usize) -> bool {
    if one.len().abs_diff(other.len()) > most {
        return false;
    }
    let pairs = one.iter().zip(other);
    let same = pairs.take_while(|(one, other)| one == other).count();
    match (&one[same..], &other[same..]) {
        ([], _) | (_, []) => true,
        _ if most == 0 => false,
        (one @ [a, one_rest @ ..], other @ [b, other_rest @ ..]) => {
            let is_swap = one_rest.first() == Some(b) && other_rest.first() == Some(a);
            are_within(one_rest, other_rest, most - 1)
                || are_within(one, other_rest, most - 1)
                || are_within(one_rest, other, most - 1)
                || is_swap && are_within(&one_rest[1..], &other_rest[1..], most - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::within;

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
            for most in 0..5 {
                assert_eq!(within(one, other, most), edits <= most, "{one} {other}");
                assert_eq!(within(other, one, most), edits <= most, "{other} {one}");
            }
        }
    }
}
