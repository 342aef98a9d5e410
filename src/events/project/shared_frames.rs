//! Frames that several sockets of a project send: what events report is read once for all.
//!
//! The sockets of a project have the same frames. Those that have sent the same events need
//! the same next ones, so the first of them reads these frames and the others wait for them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::Stream;
use crate::domain::{ConversationSeq, MessageId};
use crate::store::StoreError;

/// The frames of events.
#[derive(Debug, Default)]
pub struct Frames {
    pub frames: Vec<Bytes>,
    /// The sequence number of the last event that has its frames here.
    pub last: Option<u64>,
    /// The new messages that are answers being generated.
    pub streaming: Vec<(ConversationSeq, MessageId)>,
    /// The answers that have ended.
    pub ended: Vec<MessageId>,
}

/// The reads that are kept, for sockets that are a little slower. A read has about 64 kB.
const MAX_READS: usize = 16;

/// The events after a sequence number of a stream.
type Place = (Stream, u64);

type Read = Arc<OnceCell<Arc<Frames>>>;

/// The newest reads of all projects.
#[derive(Debug, Default)]
pub struct SharedFrames(Mutex<VecDeque<(Place, Read)>>);

impl SharedFrames {
    /// The frames after a place. `read` reads them, unless another socket has read or is
    /// reading them. If that socket is closed, or its read fails, this one reads.
    pub async fn get(
        &self,
        place: Place,
        read: impl Future<Output = Result<Frames, StoreError>>,
    ) -> Result<Arc<Frames>, StoreError> {
        let frames = self.place(place);
        let read = async { read.await.map(Arc::new) };
        frames.get_or_try_init(|| read).await.cloned()
    }

    fn place(&self, place: Place) -> Read {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, read)) = reads.iter().find(|(other, _)| *other == place) {
            return read.clone();
        }
        if reads.len() == MAX_READS {
            reads.pop_front();
        }
        let read = Read::default();
        reads.push_back((place, read.clone()));
        read
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn place(sequence: u64) -> Place {
        (Stream(Uuid::nil()), sequence)
    }

    async fn read(text: &'static str) -> Result<Frames, StoreError> {
        // Lets the other sockets begin.
        tokio::task::yield_now().await;
        Ok(Frames {
            frames: vec![Bytes::from_static(text.as_bytes())],
            ..Frames::default()
        })
    }

    #[tokio::test]
    async fn sockets_at_the_same_place_share_a_read() {
        let shared = SharedFrames::default();
        let (first, second, other) = tokio::join!(
            shared.get(place(1), read("first")),
            shared.get(place(1), read("second")),
            shared.get(place(2), read("other")),
        );
        let [first, second, other] = [first, second, other].map(|frames| {
            let frames = frames.expect("frames");
            frames.frames.clone()
        });
        assert_eq!(first, second);
        assert_eq!(other, ["other"]);
        let late = shared.get(place(1), read("late")).await.expect("frames");
        assert_eq!(late.frames, first);
    }

    #[tokio::test]
    async fn failed_and_cancelled_reads_are_repeated() {
        let shared = SharedFrames::default();
        let failed = shared.get(place(1), async { Err(StoreError::Busy) }).await;
        assert!(failed.is_err());
        let cancelled = shared.get(place(1), std::future::pending());
        assert!(futures_util::FutureExt::now_or_never(cancelled).is_none());
        let frames = shared.get(place(1), read("text")).await.expect("frames");
        assert_eq!(frames.frames, ["text"]);
    }

    #[tokio::test]
    async fn old_reads_are_forgotten() {
        let shared = SharedFrames::default();
        for sequence in 0..=MAX_READS as u64 {
            shared
                .get(place(sequence), read("old"))
                .await
                .expect("frames");
        }
        let again = shared.get(place(0), read("new")).await.expect("frames");
        assert_eq!(again.frames, ["new"]);
    }
}
