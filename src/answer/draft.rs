//! The text of an answer while it is generated: one writer and any number of readers.
//!
//! The readers share the text, and each knows how much of it it has read. So a slow
//! reader costs no memory, and a reader that comes late gets the text from its start.
//! A detached answer needs no reader.

use std::any::Any;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::{AnswerError, FinishDetails};

/// An event of an answer. The last event is not [`AnswerEvent::Text`].
#[derive(Debug, Clone)]
pub enum AnswerEvent {
    Text(String),
    /// The answer is complete and, if it has a recorder, stored.
    Complete(FinishDetails),
    Failed(AnswerError),
    /// The answer was stopped: an agent took the conversation over, or a caller closed
    /// the conversation or stopped the answer.
    Stopped,
}

/// How much of the text the generation may be ahead of its fastest reader.
const MAX_UNREAD_BYTES: usize = 16 << 10;

/// The maximum length of the text of one event.
const MAX_EVENT_BYTES: usize = 16 << 10;

/// An answer that is being generated.
#[derive(Debug, Default)]
pub struct Draft {
    state: watch::Sender<DraftState>,
    /// How much of the text at least one reader has read.
    read_bytes: AtomicUsize,
    /// Notified when a reader has read.
    read_signal: Notify,
    stop_signal: Notify,
}

#[derive(Debug, Default)]
struct DraftState {
    text: String,
    /// How much of the text the store has.
    saved_bytes: usize,
    /// No more text is accepted.
    is_stopped: bool,
    progress: DraftProgress,
    /// Not after the end of the generation.
    detachment: Option<Detachment>,
    /// The end of the answer is stored.
    is_stored: bool,
}

#[derive(Debug, Default)]
enum DraftProgress {
    #[default]
    Running,
    /// The generation has ended with this last event.
    Ended(AnswerEvent),
    /// The generation has ended without a last event, because no reader was left.
    Abandoned,
    /// The same, because the runtime of the task ended or the task has panicked.
    Interrupted,
}

impl DraftProgress {
    fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }
}

/// Lets an answer continue without readers.
pub struct Detachment {
    /// How long.
    pub until: Instant,
    /// What is reserved for the answer. Dropped at the end of the generation.
    pub reservation: Reservation,
}

/// Something that is held while an answer is generated.
pub type Reservation = Arc<dyn Any + Send + Sync>;

impl fmt::Debug for Detachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Detachment").field(&self.until).finish()
    }
}

impl Draft {
    /// Follows the answer from its start. The generation continues until the reader is
    /// dropped.
    pub fn read(self: &Arc<Self>) -> AnswerReader {
        AnswerReader {
            draft: self.clone(),
            state: self.state.subscribe(),
            offset: 0,
        }
    }

    pub(super) fn reader_count(&self) -> usize {
        self.state.receiver_count()
    }

    /// A copy of the text.
    pub fn text(&self) -> String {
        self.state.borrow().text.clone()
    }

    /// The text from `offset` on, at most `max_bytes` of it. The caller does not
    /// count as a reader.
    pub fn text_after(&self, offset: usize, max_bytes: usize) -> String {
        unread_text(&self.state.borrow().text, offset, max_bytes).to_owned()
    }

    /// Whether the generation has ended or was stopped, so that no text follows.
    pub fn has_ended(&self) -> bool {
        let state = self.state.borrow();
        state.is_stopped || !state.progress.is_running()
    }

    /// Appends to the text. Returns false, without an effect, if the answer was
    /// stopped.
    pub fn push(&self, text: &str) -> bool {
        self.state.send_if_modified(|state| {
            if !state.is_stopped {
                state.text.push_str(text);
            }
            !state.is_stopped
        })
    }

    /// Stops the answer and returns its text. Later calls return the same text.
    pub fn stop(&self) -> String {
        let mut text = String::new();
        self.state.send_if_modified(|state| {
            state.is_stopped = true;
            text.clone_from(&state.text);
            false
        });
        // Stores a permit, so a stop before the wait is not missed.
        self.stop_signal.notify_one();
        text
    }

    /// Waits until the answer is stopped. Only the generation waits.
    pub(super) async fn wait_for_stop(&self) {
        while !self.state.borrow().is_stopped {
            self.stop_signal.notified().await;
        }
    }

    /// The text if it has grown since [`Draft::mark_saved`].
    pub(super) fn unsaved_text(&self) -> Option<String> {
        let state = self.state.borrow();
        let is_unsaved = !state.is_stopped && state.text.len() > state.saved_bytes;
        is_unsaved.then(|| state.text.clone())
    }

    /// Records that the store has this much of the text.
    pub(super) fn mark_saved(&self, bytes: usize) {
        self.state.send_if_modified(|state| {
            state.saved_bytes = bytes;
            false
        });
    }

    /// Records that the end of the answer is stored.
    pub(super) fn mark_stored(&self) {
        self.state.send_modify(|state| state.is_stored = true);
    }

    /// Makes the answer continue without readers.
    pub fn detach(&self, detachment: Detachment) {
        self.state.send_if_modified(|state| {
            state.detachment = Some(detachment);
            false
        });
    }

    pub(super) fn is_detached(&self) -> bool {
        self.state.borrow().detachment.is_some()
    }

    /// Waits until the generation is not too far ahead of its fastest reader, unless it
    /// is detached. Returns false if no reader has read anything for `stall_timeout`.
    pub(super) async fn wait_for_readers(&self, stall_timeout: Duration) -> bool {
        while !self.is_detached() && self.unread_bytes() > MAX_UNREAD_BYTES {
            let read = self.read_signal.notified();
            if tokio::time::timeout(stall_timeout, read).await.is_err() {
                return false;
            }
        }
        true
    }

    fn unread_bytes(&self) -> usize {
        let length = self.state.borrow().text.len();
        length.saturating_sub(self.read_bytes.load(Ordering::Relaxed))
    }

    /// Waits until no reader is left and abandons the answer. A detached answer is not
    /// abandoned before its time is over.
    pub(super) async fn abandon_unread(&self) {
        let until = self
            .state
            .borrow()
            .detachment
            .as_ref()
            .map(|detachment| detachment.until);
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
            self.state.send_if_modified(|state| {
                state.detachment = None;
                false
            });
        }
        let is_unread = |state: &mut DraftState| {
            // A reader that comes after this check sees that the answer is abandoned.
            let is_unread = self.state.receiver_count() == 0;
            if is_unread {
                state.progress = DraftProgress::Abandoned;
            }
            is_unread
        };
        loop {
            self.state.closed().await;
            if self.state.send_if_modified(is_unread) {
                return;
            }
        }
    }

    /// Reports the end of the generation to the readers.
    pub(super) fn end(&self, last: AnswerEvent) {
        self.set_progress(DraftProgress::Ended(last));
    }

    /// Ends the generation without a last event.
    pub(super) fn abandon(&self) {
        self.set_progress(DraftProgress::Abandoned);
    }

    /// Reports that the generation was interrupted, unless it has ended.
    pub(super) fn interrupt(&self) {
        self.set_progress(DraftProgress::Interrupted);
    }

    /// Whether the generation was interrupted.
    pub(super) fn is_interrupted(&self) -> bool {
        matches!(self.state.borrow().progress, DraftProgress::Interrupted)
    }

    fn set_progress(&self, progress: DraftProgress) {
        self.state.send_if_modified(|state| {
            let is_running = state.progress.is_running();
            if is_running {
                state.progress = progress;
                state.detachment = None;
            }
            is_running
        });
    }
}

/// Follows an answer. Dropping the last reader cancels the generation.
#[derive(Debug)]
pub struct AnswerReader {
    draft: Arc<Draft>,
    state: watch::Receiver<DraftState>,
    /// How much of the text was read.
    offset: usize,
}

impl AnswerReader {
    /// The next event. `None` if the generation has ended without a last event.
    /// Cancel safe: no event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<AnswerEvent> {
        loop {
            match self.poll() {
                ControlFlow::Break(event) => return event,
                // The draft owns the sender, so it exists.
                ControlFlow::Continue(()) => self.state.changed().await.ok()?,
            }
        }
    }

    /// Whether the generation has ended without a last event.
    pub(super) fn is_abandoned(&self) -> bool {
        let progress = &self.state.borrow().progress;
        matches!(
            progress,
            DraftProgress::Abandoned | DraftProgress::Interrupted
        )
    }

    /// Waits until the end of the answer is stored.
    pub(super) async fn wait_until_stored(mut self) {
        // The draft owns the sender, so it exists.
        let _ = self.state.wait_for(|state| state.is_stored).await;
    }

    /// The next event, if it has happened.
    fn poll(&mut self) -> ControlFlow<Option<AnswerEvent>> {
        // One borrow, so that no text is added between the two checks.
        let state = self.state.borrow_and_update();
        let text = unread_text(&state.text, self.offset, MAX_EVENT_BYTES);
        if text.is_empty() {
            return match &state.progress {
                DraftProgress::Running => ControlFlow::Continue(()),
                DraftProgress::Ended(last) => ControlFlow::Break(Some(last.clone())),
                DraftProgress::Abandoned | DraftProgress::Interrupted => ControlFlow::Break(None),
            };
        }
        let text = text.to_owned();
        drop(state);
        self.offset += text.len();
        self.draft
            .read_bytes
            .fetch_max(self.offset, Ordering::Relaxed);
        self.draft.read_signal.notify_one();
        ControlFlow::Break(Some(AnswerEvent::Text(text)))
    }
}

/// The text from `offset` on, at most `max_bytes` of it.
fn unread_text(text: &str, offset: usize, max_bytes: usize) -> &str {
    let end = text.floor_char_boundary(offset.saturating_add(max_bytes));
    text.get(offset..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn next_text(reader: &mut AnswerReader) -> Option<String> {
        match reader.next().now_or_never()? {
            Some(AnswerEvent::Text(text)) => Some(text),
            other => panic!("{other:?} is no text"),
        }
    }

    #[test]
    fn each_reader_gets_the_text_from_its_start() {
        let draft = Arc::<Draft>::default();
        let mut early = draft.read();
        assert_eq!(next_text(&mut early), None);
        draft.push("Two ");
        assert_eq!(next_text(&mut early).as_deref(), Some("Two "));
        draft.push("days.");
        let mut late = draft.read();
        assert_eq!(next_text(&mut early).as_deref(), Some("days."));
        assert_eq!(next_text(&mut late).as_deref(), Some("Two days."));
        draft.end(AnswerEvent::Stopped);
        for reader in [&mut early, &mut late] {
            let last = reader.next().now_or_never().flatten();
            assert!(matches!(last, Some(AnswerEvent::Stopped)));
        }
    }

    #[test]
    fn long_text_is_read_in_parts_at_character_boundaries() {
        let draft = Arc::<Draft>::default();
        let text = "x".to_owned() + &"é".repeat(MAX_EVENT_BYTES);
        draft.push(&text);
        let mut reader = draft.read();
        let parts: Vec<_> = std::iter::from_fn(|| next_text(&mut reader)).collect();
        assert!(parts.iter().all(|part| part.len() <= MAX_EVENT_BYTES));
        assert_eq!((parts.len(), parts.concat()), (3, text));
    }

    #[tokio::test]
    async fn generation_waits_for_the_fastest_reader_only() {
        let draft = Arc::<Draft>::default();
        let (_slow, mut quick) = (draft.read(), draft.read());
        draft.push(&"x".repeat(MAX_UNREAD_BYTES + 1));
        assert_eq!(draft.wait_for_readers(SECOND).now_or_never(), None);
        while next_text(&mut quick).is_some() {}
        assert_eq!(draft.wait_for_readers(SECOND).now_or_never(), Some(true));
    }

    #[test]
    fn answer_is_abandoned_when_the_last_reader_is_dropped() {
        let draft = Arc::<Draft>::default();
        let (one, two) = (draft.read(), draft.read());
        drop(one);
        assert_eq!(draft.abandon_unread().now_or_never(), None);
        drop(two);
        assert_eq!(draft.abandon_unread().now_or_never(), Some(()));
        let next = draft.read().next().now_or_never();
        assert!(matches!(next, Some(None)), "a late reader gets no text");
    }

    #[tokio::test]
    async fn detached_answer_needs_no_reader_until_its_time_is_over() {
        let draft = Draft::default();
        let (reservation, released) = tokio::sync::oneshot::channel::<()>();
        draft.detach(Detachment {
            until: Instant::now() + SECOND / 10,
            reservation: Arc::new(reservation),
        });
        draft.push(&"x".repeat(MAX_UNREAD_BYTES + 1));
        assert_eq!(draft.wait_for_readers(SECOND).now_or_never(), Some(true));
        assert_eq!(draft.abandon_unread().now_or_never(), None);
        draft.abandon_unread().await;
        assert!(released.await.is_err(), "the reservation is dropped");
    }

    #[test]
    fn stopped_draft_keeps_its_text_and_accepts_no_more() {
        let draft = Draft::default();
        assert!(draft.push("so far"));
        assert_eq!(draft.stop(), "so far");
        assert!(!draft.push(" and on"));
        assert_eq!(draft.text(), "so far");
    }

    #[test]
    fn text_is_unsaved_until_its_length_is_marked_as_saved() {
        let draft = Draft::default();
        assert_eq!(draft.unsaved_text(), None);
        draft.push("so");
        assert_eq!(draft.unsaved_text().as_deref(), Some("so"));
        draft.push(" far");
        draft.mark_saved(2);
        assert_eq!(draft.unsaved_text().as_deref(), Some("so far"));
        draft.mark_saved(6);
        assert_eq!(draft.unsaved_text(), None);
    }
}
