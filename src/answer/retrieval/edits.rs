//! How far two words are apart.

/// The most characters of a word that are compared.
const LONGEST: usize = 32;

/// The number of letters to add, drop, change or swap with their neighbour to
/// make one word of the other, if it is at most `most`.
pub fn within(one: &str, other: &str, most: usize) -> Option<usize> {
    let (one, other) = (Letters::of(one)?, Letters::of(other)?);
    let (one, other) = (one.slice(), other.slice());
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let mut before = [0_u8; LONGEST + 1];
    let mut above: [u8; LONGEST + 1] = std::array::from_fn(|column| column as u8);
    for row in 1..=one.len() {
        let mut line = [row as u8; LONGEST + 1];
        for column in 1..=other.len() {
            let changed = u8::from(one[row - 1] != other[column - 1]);
            let mut cost = (above[column - 1] + changed)
                .min(above[column] + 1)
                .min(line[column - 1] + 1);
            let is_swap = row > 1
                && column > 1
                && one[row - 1] == other[column - 2]
                && one[row - 2] == other[column - 1];
            if is_swap {
                cost = cost.min(before[column - 2] + 1);
            }
            line[column] = cost;
        }
        if line[..=other.len()]
            .iter()
            .all(|cost| usize::from(*cost) > most)
        {
            return None;
        }
        (before, above) = (above, line);
    }
    let cost = usize::from(above[other.len()]);
    (cost <= most).then_some(cost)
}

/// The characters of a word, without a place on the heap.
struct Letters {
    all: [char; LONGEST],
    count: usize,
}

impl Letters {
    fn of(word: &str) -> Option<Self> {
        let mut letters = Self {
            all: ['\0'; LONGEST],
            count: 0,
        };
        for c in word.chars() {
            *letters.all.get_mut(letters.count)? = c;
            letters.count += 1;
        }
        Some(letters)
    }

    fn slice(&self) -> &[char] {
        &self.all[..self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn edits_are_counted_up_to_the_limit() {
        assert_eq!(within("return", "return", 2), Some(0));
        assert_eq!(within("retrun", "return", 1), Some(1));
        assert_eq!(within("refnd", "refund", 1), Some(1));
        assert_eq!(within("grmany", "germany", 2), Some(1));
        assert_eq!(within("mashine", "machine", 1), Some(1));
        assert_eq!(within("kitten", "sitting", 3), Some(3));
        assert_eq!(within("kitten", "sitting", 2), None);
        assert_eq!(within(&"a".repeat(40), &"a".repeat(40), 2), None);
    }
}
