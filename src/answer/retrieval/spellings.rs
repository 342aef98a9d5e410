//! Words by what they look like, so that the few that may be misspelt for one
//! another are found without comparing all.

/// Words, each with a number of its own: those of no characters, of one, of two …
#[derive(Debug, Clone, Default)]
pub struct Spellings {
    by_length: Vec<SameLength>,
}

/// Words of one length, side by side.
#[derive(Debug, Clone, Default)]
struct SameLength {
    letters: Vec<u32>,
    numbers: Vec<u32>,
}

/// How many words are passed over at once: enough for the compiler to compare
/// several in one instruction, few enough that most such runs have no candidate.
const RUN: usize = 16;

impl Spellings {
    pub fn add(&mut self, word: &str, number: u32) {
        let length = word.chars().count();
        if self.by_length.len() <= length {
            self.by_length.resize_with(length + 1, SameLength::default);
        }
        let same = &mut self.by_length[length];
        same.letters.push(letters(word));
        same.numbers.push(number);
    }

    /// The numbers of all words that are at most `most` edits from `word`, and of
    /// some that are not.
    pub fn candidates(&self, word: &str, most: usize) -> impl Iterator<Item = u32> {
        let (sought, length) = (letters(word), word.chars().count());
        let shortest = length.saturating_sub(most);
        let near = self.by_length.iter().skip(shortest);
        near.take(length + most + 1 - shortest)
            .flat_map(move |same| same.candidates(sought, most))
    }
}

impl SameLength {
    fn candidates(&self, sought: u32, most: usize) -> impl Iterator<Item = u32> {
        let runs = self.letters.chunks(RUN).zip(self.numbers.chunks(RUN));
        let near = move |letters: &u32| may_be_within(sought, *letters, most);
        runs.filter(move |(letters, _)| letters.iter().fold(false, |any, one| any | near(one)))
            .flat_map(|(letters, numbers)| letters.iter().zip(numbers))
            .filter(move |(letters, _)| near(letters))
            .map(|(_, number)| *number)
    }
}

/// The letters of a word as bits.
fn letters(word: &str) -> u32 {
    word.chars()
        .fold(0, |bits, c| bits | 1 << (u32::from(c) % 32))
}

/// Whether words of these letters may be so few edits apart: an edit takes one
/// letter away at most, and brings one at most. Without a loop, which would keep
/// the compiler from comparing several words at once.
fn may_be_within(one: u32, other: u32, most: usize) -> bool {
    let (gone, come) = (one & !other, other & !one);
    match most {
        1 => less_one(gone) | less_one(come) == 0,
        2 => less_one(less_one(gone)) | less_one(less_one(come)) == 0,
        _ => true,
    }
}

/// The bits but the lowest.
fn less_one(bits: u32) -> u32 {
    bits & bits.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::Spellings;
    use crate::answer::retrieval::edits::within;

    #[test]
    fn no_word_within_the_edits_is_missed() {
        let words = [
            "",
            "a",
            "refund",
            "refnd",
            "refunds",
            "erfund",
            "rfnds",
            "defend",
            "defends",
            "return",
            "retrun",
            "turner",
            "widerruf",
            "weiderrfu",
            "возврат",
            "возрат",
            "возвраты",
        ];
        let mut spellings = Spellings::default();
        for (word, number) in words.iter().zip(0..) {
            spellings.add(word, number);
        }
        for word in words {
            for most in 0..4 {
                let found: Vec<_> = spellings.candidates(word, most).collect();
                for (other, number) in words.iter().zip(0..) {
                    let is_missed = within(word, other, most) && !found.contains(&number);
                    assert!(!is_missed, "{word} {other} {most}");
                }
            }
        }
        assert_eq!(spellings.candidates("refund", 1).count(), 4);
    }
}
