//! Finds words of similar spelling without comparing a word with all others.
//!
//! Each word has a bit mask of its letters. Two words within a small edit
//! distance have similar lengths and similar masks, so only words that pass both
//! checks are candidates for the exact comparison.

/// Words with their ids, grouped by length in characters.
#[derive(Debug, Clone, Default)]
pub struct SpellingIndex {
    by_length: Vec<LengthGroup>,
}

/// The words of one length. `masks[i]` belongs to `ids[i]`.
#[derive(Debug, Clone, Default)]
struct LengthGroup {
    masks: Vec<u32>,
    ids: Vec<u32>,
}

/// How many masks are tested at once. Large enough for the compiler to use
/// vector instructions, small enough that most chunks contain no candidate.
const MASKS_PER_CHUNK: usize = 16;

impl SpellingIndex {
    pub fn add(&mut self, word: &str, id: u32) {
        let length = word.chars().count();
        if self.by_length.len() <= length {
            self.by_length.resize_with(length + 1, LengthGroup::default);
        }
        let group = &mut self.by_length[length];
        group.masks.push(letter_mask(word));
        group.ids.push(id);
    }

    /// Returns the ids of all words within `max_edits` of `word`, and of some
    /// other words.
    pub fn candidates(&self, word: &str, max_edits: usize) -> impl Iterator<Item = u32> {
        let (mask, length) = (letter_mask(word), word.chars().count());
        let min_length = length.saturating_sub(max_edits);
        let groups = self.by_length.iter().skip(min_length);
        groups
            .take(length + max_edits + 1 - min_length)
            .flat_map(move |group| group.candidates(mask, max_edits))
    }
}

impl LengthGroup {
    fn candidates(&self, mask: u32, max_edits: usize) -> impl Iterator<Item = u32> {
        let chunks = self
            .masks
            .chunks(MASKS_PER_CHUNK)
            .zip(self.ids.chunks(MASKS_PER_CHUNK));
        let is_candidate = move |other: &u32| masks_may_match(mask, *other, max_edits);
        chunks
            .filter(move |(masks, _)| {
                masks
                    .iter()
                    .fold(false, |any, other| any | is_candidate(other))
            })
            .flat_map(|(masks, ids)| masks.iter().zip(ids))
            .filter(move |(other, _)| is_candidate(other))
            .map(|(_, id)| *id)
    }
}

/// Returns a bit for each letter of a word. Letters share bits.
fn letter_mask(word: &str) -> u32 {
    word.chars()
        .fold(0, |bits, c| bits | 1 << (u32::from(c) % 32))
}

/// Whether words with these masks can be within `max_edits`: an edit removes at
/// most one letter and adds at most one. Has no loop, so that the compiler can
/// use vector instructions.
fn masks_may_match(one: u32, other: u32, max_edits: usize) -> bool {
    let (removed, added) = (one & !other, other & !one);
    match max_edits {
        1 => clear_lowest_bit(removed) | clear_lowest_bit(added) == 0,
        2 => {
            clear_lowest_bit(clear_lowest_bit(removed)) | clear_lowest_bit(clear_lowest_bit(added))
                == 0
        }
        _ => true,
    }
}

fn clear_lowest_bit(bits: u32) -> u32 {
    bits & bits.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::SpellingIndex;
    use crate::answer::retrieval::edit_distance::is_within_edits;

    #[test]
    fn candidates_include_each_word_within_the_edit_distance() {
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
        let mut index = SpellingIndex::default();
        for (word, id) in words.iter().zip(0..) {
            index.add(word, id);
        }
        for word in words {
            for max_edits in 0..4 {
                let candidates: Vec<_> = index.candidates(word, max_edits).collect();
                for (other, id) in words.iter().zip(0..) {
                    let is_missed =
                        is_within_edits(word, other, max_edits) && !candidates.contains(&id);
                    assert!(!is_missed, "{word} {other} {max_edits}");
                }
            }
        }
        assert_eq!(index.candidates("refund", 1).count(), 4);
    }
}
