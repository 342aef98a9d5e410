//! A trie of words and phrases. The longest entry wins, so that a longer phrase
//! overrides the words that it contains.

use super::normalize::is_unspaced;

/// Finds entries in normalised text. `V` is the value of an entry.
#[derive(Debug)]
pub struct WordTrie<V> {
    nodes: Vec<Node<V>>,
}

#[derive(Debug)]
struct Node<V> {
    /// Sorted by character.
    children: Vec<(char, u32)>,
    /// The value of the entry that ends here.
    word: Option<V>,
    /// The value of the entry that begins any word with these letters.
    prefix: Option<V>,
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self {
            children: Vec::new(),
            word: None,
            prefix: None,
        }
    }
}

impl<V: Copy> WordTrie<V> {
    pub fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }

    /// Adds a normalised entry. With `is_prefix`, the entry also matches longer
    /// words. `merge` combines the value with that of an equal entry.
    pub fn add(&mut self, entry: &str, is_prefix: bool, merge: impl Fn(Option<V>) -> V) {
        let mut node = 0;
        for c in entry.chars() {
            node = self.child_or_new(node, c);
        }
        let node = &mut self.nodes[node];
        let slot = if is_prefix {
            &mut node.prefix
        } else {
            &mut node.word
        };
        *slot = Some(merge(*slot));
    }

    fn child_or_new(&mut self, node: usize, c: char) -> usize {
        match self.child_position(node, c) {
            Ok(position) => self.nodes[node].children[position].1 as usize,
            Err(position) => {
                let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
                self.nodes.push(Node::default());
                self.nodes[node].children.insert(position, (c, id));
                id as usize
            }
        }
    }

    fn child_position(&self, node: usize, c: char) -> Result<usize, usize> {
        self.nodes[node]
            .children
            .binary_search_by_key(&c, |(c, _)| *c)
    }

    /// Calls `emit` with the length and the value of each entry at the start of
    /// `text`, shorter entries first. `text` begins at the start of a word.
    pub fn matches(&self, text: &str, mut emit: impl FnMut(usize, V)) {
        let mut node = 0;
        for (offset, c) in text.char_indices() {
            let Ok(position) = self.child_position(node, c) else {
                return;
            };
            node = self.nodes[node].children[position].1 as usize;
            let end = offset + c.len_utf8();
            let Node { word, prefix, .. } = &self.nodes[node];
            if let Some(value) = prefix {
                emit(word_end(text, end), *value);
            }
            if let Some(value) = word
                && (is_unspaced(c) || is_word_end(text, end))
            {
                emit(end, *value);
            }
        }
    }

    /// Returns the length and the value of the longest entry at the start of
    /// `text`.
    pub fn longest_match(&self, text: &str) -> Option<(usize, V)> {
        let mut longest: Option<(usize, V)> = None;
        self.matches(text, |length, value| {
            if longest.is_none_or(|(longest, _)| length >= longest) {
                longest = Some((length, value));
            }
        });
        longest
    }
}

fn is_word_end(text: &str, end: usize) -> bool {
    text.as_bytes().get(end).is_none_or(|&byte| byte == b' ')
}

/// Returns the end of the word that contains the character before `end`.
pub fn word_end(text: &str, end: usize) -> usize {
    text[end..]
        .find(' ')
        .map_or(text.len(), |length| end + length)
}

/// Calls `visit` with each position where an entry can start: the starts of words
/// and each character of an unspaced script. `visit` returns how many bytes to
/// skip, at least one character.
pub fn visit_starts(text: &str, mut visit: impl FnMut(usize, &str) -> usize) {
    let mut start = 0;
    while start < text.len() {
        let rest = &text[start..];
        let skip = visit(start, rest).max(rest.chars().next().map_or(1, char::len_utf8));
        start += skip;
        if text[start..].starts_with(' ') {
            start += 1;
        }
    }
}

/// Returns the length of the first word, or of one character of an unspaced
/// script.
pub fn first_unit(text: &str) -> usize {
    match text.chars().next() {
        Some(c) if is_unspaced(c) => c.len_utf8(),
        _ => word_end(text, 0),
    }
}
