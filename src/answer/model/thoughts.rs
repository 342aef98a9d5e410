//! Removes the reasoning of a model from its answer. Servers that do not separate it
//! send it in the text, as `<think>…</think>`. Some chat templates write the opening
//! tag into the prompt, so that only the closing tag arrives.

/// The opening and closing tags of models, in lower case.
const TAGS: [(&str, &str); 9] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[think]", "[/think]"),
    ("<seed:think>", "</seed:think>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("◁think▷", "◁/think▷"),
    (
        "<|channel|>analysis<|message|>",
        "<|channel|>final<|message|>",
    ),
];

/// Names of models whose chat templates write the opening tag into the prompt.
const THINKING_MODELS: [&str; 9] = [
    "-r1",
    "r1-",
    "qwq",
    "thinking",
    "thinker",
    "reasoning",
    "reasoner",
    "exaone-deep",
    "minimax-m2",
];

/// How reasoning without an opening tag begins, in lower case. Answers of a model that
/// does not reason can begin like this, too: such an answer is only shown later.
const THOUGHT_BEGINNINGS: [&str; 41] = [
    "okay",
    "ok,",
    "alright",
    "hmm",
    "let me",
    "let's",
    "first,",
    "we need",
    "i need",
    "the user",
    "the visitor",
    "the customer",
    "the question",
    "the query",
    "the excerpt",
    "the message",
    "user ",
    "wait",
    "so the",
    "so,",
    "now,",
    "let us",
    "first i",
    "i should",
    "i have to",
    "i'm trying",
    "we have a qu",
    "we are given",
    "looking at",
    "to answer",
    "given the",
    "der nutzer",
    "der benutzer",
    "der besucher",
    "l'utilisat",
    "el usuario",
    "嗯",
    "好的",
    "首先",
    "用户",
    "ユーザー",
];

/// The number of characters that decide whether a text begins like reasoning.
const BEGINNING_CHARS: usize = 12;

/// The maximum length of a text that is held back, in bytes.
const MAX_HELD_BYTES: usize = crate::domain::MAX_ANSWER_TEXT_BYTES;

/// What is expected of the next answer of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThoughtMode {
    /// Nothing is known yet: a text that begins like reasoning is held back until the
    /// closing tag or the end.
    Guess,
    /// The text is probably reasoning up to the closing tag, and is held back.
    Hold,
    /// The same, because the server has sent a closing tag without its opening tag.
    Unopened,
    /// The text is the answer, except for what is in tags.
    Tags,
}

impl ThoughtMode {
    /// The mode for the next answer. `has_unopened_thought`: whether this answer had
    /// reasoning without an opening tag.
    pub fn after(self, has_unopened_thought: bool) -> Self {
        if has_unopened_thought || self == Self::Unopened {
            Self::Unopened
        } else {
            Self::Tags
        }
    }

    /// The mode for the first answer of the model of this name.
    pub fn of_model(name: &str) -> Self {
        let name = name.to_lowercase();
        if THINKING_MODELS.iter().any(|part| name.contains(part)) {
            Self::Hold
        } else {
            Self::Guess
        }
    }
}

/// Reads the text of one answer in parts.
#[derive(Debug)]
pub struct ThoughtFilter {
    state: ThoughtState,
    mode: ThoughtMode,
    /// Whether a closing tag without its opening tag was read.
    has_unopened_thought: bool,
}

#[derive(Debug)]
enum ThoughtState {
    /// Text that is not classified yet.
    Start { held: String, mode: ThoughtMode },
    /// Text that is reasoning if a closing tag follows. `searched` bytes of it have none.
    Held { held: String, searched: usize },
    /// Inside a pair of tags: the closing tag, and the end of the text, in which the
    /// closing tag can begin.
    Inside { close: &'static str, tail: String },
    /// In the answer: the end of the text, in which a tag can begin.
    Answer { tail: String },
}

impl Default for ThoughtFilter {
    fn default() -> Self {
        Self::new(ThoughtMode::Guess)
    }
}

impl ThoughtFilter {
    pub fn new(mode: ThoughtMode) -> Self {
        Self {
            state: ThoughtState::Start {
                held: String::new(),
                mode,
            },
            mode,
            has_unopened_thought: false,
        }
    }

    /// Reads the next part of the text. Returns what of the text belongs to the answer.
    pub fn push(&mut self, part: &str) -> String {
        let mut answer = String::new();
        let mut rest = part.to_owned();
        while let Some(more) = self.step(&rest, &mut answer) {
            rest = more;
        }
        answer
    }

    /// Ends the text. Returns the rest of the answer. `is_cut`: whether the server has cut
    /// the text at its maximum length.
    pub fn finish(&mut self, is_cut: bool) -> String {
        let state = std::mem::replace(&mut self.state, ThoughtState::answer());
        match state {
            // The closing tag is missing because the reasoning is cut.
            ThoughtState::Held { .. } if is_cut && self.mode == ThoughtMode::Unopened => {
                String::new()
            }
            ThoughtState::Start { held, .. } | ThoughtState::Held { held, .. } => held,
            ThoughtState::Answer { tail } => tail,
            ThoughtState::Inside { .. } => String::new(),
        }
    }

    /// Whether the server sends reasoning without an opening tag.
    pub fn has_unopened_thought(&self) -> bool {
        self.has_unopened_thought
    }

    /// Reads `text` until the state changes. Returns the rest, for the next state.
    fn step(&mut self, text: &str, answer: &mut String) -> Option<String> {
        match &mut self.state {
            ThoughtState::Start { held, mode } => {
                held.push_str(text);
                let (state, rest) = start(held.trim_start(), *mode)?;
                self.state = state;
                Some(rest)
            }
            ThoughtState::Held { held, .. } => {
                held.push_str(text);
                self.read_held(answer)
            }
            ThoughtState::Inside { close, tail } => {
                tail.push_str(text);
                if let Some(at) = find_tag(tail, close) {
                    let rest = tail[at + close.len()..].to_owned();
                    self.state = start_after_thought();
                    return Some(rest);
                }
                let kept = partial_tag_start(tail, &[*close]);
                tail.drain(..kept);
                None
            }
            ThoughtState::Answer { tail } => {
                tail.push_str(text);
                let all = std::mem::take(tail);
                self.read_answer(&all, answer)
            }
        }
    }

    /// Drops the text that is held back if its closing tag was read.
    fn read_held(&mut self, answer: &mut String) -> Option<String> {
        let ThoughtState::Held { held, searched } = &mut self.state else {
            return None;
        };
        let unsearched = &held[*searched..];
        *searched += partial_tag_start(unsearched, &close_tags());
        if let Some(end) = first_close_end(unsearched) {
            let rest = unsearched[end..].to_owned();
            self.has_unopened_thought = true;
            self.state = start_after_thought();
            return Some(rest);
        }
        if held.len() > MAX_HELD_BYTES {
            answer.push_str(held);
            self.state = ThoughtState::answer();
        }
        None
    }

    /// Adds text to the answer up to the first tag.
    fn read_answer(&mut self, text: &str, answer: &mut String) -> Option<String> {
        let find = |tag: &'static str| Some((find_tag(text, tag)?, tag));
        let tags = || TAGS.iter().flat_map(|(open, close)| [*open, *close]);
        let Some((at, tag)) = tags().filter_map(find).min() else {
            let kept = partial_tag_start(text, &tags().collect::<Vec<_>>());
            answer.push_str(&text[..kept]);
            self.state = ThoughtState::Answer {
                tail: text[kept..].to_owned(),
            };
            return None;
        };
        answer.push_str(&text[..at]);
        match TAGS.iter().find(|(open, _)| *open == tag) {
            Some((_, close)) => self.state = ThoughtState::inside(close),
            None => self.has_unopened_thought = true,
        }
        Some(text[at + tag.len()..].to_owned())
    }
}

impl ThoughtState {
    fn answer() -> Self {
        Self::Answer {
            tail: String::new(),
        }
    }

    fn inside(close: &'static str) -> Self {
        Self::Inside {
            close,
            tail: String::new(),
        }
    }
}

/// Classifies the beginning of a text. Returns the next state, and the text that it reads.
/// Returns `None` if more text is needed.
fn start(text: &str, mode: ThoughtMode) -> Option<(ThoughtState, String)> {
    let mut tags = TAGS.iter();
    if let Some((open, close)) = tags.find(|(open, _)| begins_with(text, open)) {
        return Some((ThoughtState::inside(close), text[open.len()..].to_owned()));
    }
    if TAGS.iter().any(|(open, _)| begins_with(open, text)) {
        return None;
    }
    let is_held = match mode {
        ThoughtMode::Hold | ThoughtMode::Unopened => true,
        ThoughtMode::Guess => begins_like_thought(text)? || begins_unopened(text),
        ThoughtMode::Tags => begins_unopened(text),
    };
    let state = if is_held {
        ThoughtState::Held {
            held: String::new(),
            searched: 0,
        }
    } else {
        ThoughtState::answer()
    };
    Some((state, text.to_owned()))
}

/// After reasoning, blanks and further reasoning in tags can follow.
fn start_after_thought() -> ThoughtState {
    ThoughtState::Start {
        held: String::new(),
        mode: ThoughtMode::Tags,
    }
}

/// Returns the position of a tag, in upper or lower case.
fn find_tag(text: &str, tag: &str) -> Option<usize> {
    let first = tag.chars().next()?;
    let starts = text.match_indices(first).map(|(at, _)| at);
    { starts }.find(|at| begins_with(&text[*at..], tag))
}

/// Whether `text` begins with `beginning`, in upper or lower case.
fn begins_with(text: &str, beginning: &str) -> bool {
    let start = text.as_bytes().get(..beginning.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(beginning.as_bytes()))
}

fn close_tags() -> Vec<&'static str> {
    TAGS.iter().map(|(_, close)| *close).collect()
}

/// Returns the end of the first closing tag.
fn first_close_end(text: &str) -> Option<usize> {
    let ends = TAGS
        .iter()
        .filter_map(|(_, close)| Some(find_tag(text, close)? + close.len()));
    ends.min()
}

/// Whether a closing tag comes before any opening tag.
fn begins_unopened(text: &str) -> bool {
    let opens = TAGS.iter().filter_map(|(open, _)| find_tag(text, open));
    let first_open = opens.min();
    first_close_end(text).is_some_and(|close| first_open.is_none_or(|open| close < open))
}

/// Whether a text begins like reasoning. Returns `None` if more text is needed.
fn begins_like_thought(text: &str) -> Option<bool> {
    let beginning: String = text.chars().take(BEGINNING_CHARS).collect();
    let beginning = beginning.to_lowercase();
    if THOUGHT_BEGINNINGS
        .iter()
        .any(|words| beginning.starts_with(words))
    {
        return Some(true);
    }
    let can_continue = THOUGHT_BEGINNINGS
        .iter()
        .any(|words| words.starts_with(&beginning));
    (!can_continue).then_some(false)
}

/// Returns the start of a suffix of `text` that is the beginning of a tag, or the end of
/// `text`.
fn partial_tag_start(text: &str, tags: &[&str]) -> usize {
    let longest = tags.iter().map(|tag| tag.len()).max().unwrap_or_default();
    let first = text.len().saturating_sub(longest);
    (first..text.len())
        .filter(|at| text.is_char_boundary(*at))
        .find(|at| tags.iter().any(|tag| begins_with(tag, &text[*at..])))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
