//! What a WebSocket of a project sends (docs/api-contract.md, section 8.5).

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use actix_http::ws::CloseCode;
use bytes::Bytes;
use tokio::time::Instant;

use crate::app::AppState;
use crate::events::project::{
    NextEvents, ProjectEvent, ProjectSubscription, SubscriptionEnd, combine,
};
use crate::http::json::ProjectEventJson;
use crate::http::project_frames::{FrameWriter, Frames};
use crate::http::websocket::{Feed, FeedStep};
use crate::store::{Snapshot, StoreError};

/// The number of events that are read at once.
const MAX_BATCH: usize = 64;
/// The time between two reads. Several changes of a conversation in this time are one
/// event.
const BATCH_INTERVAL: Duration = Duration::from_millis(50);
/// The time until a failed read is repeated.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The events of a project.
pub struct ProjectFeed {
    events: ProjectSubscription,
    /// The frames to send next.
    frames: VecDeque<Bytes>,
    work: Work,
    /// When the next events may be read.
    next_batch_at: Instant,
}

/// What the feed waits for.
enum Work {
    /// An event.
    Events,
    /// The time of the next batch.
    Pause(Pin<Box<tokio::time::Sleep>>),
    /// The read of what events report, up to a sequence number.
    Read(Pin<Box<dyn Future<Output = Result<Frames, StoreError>>>>),
}

impl ProjectFeed {
    /// Sends `hello`, the agents who are there, and then `events`.
    pub fn new(app: &AppState, events: ProjectSubscription) -> Self {
        let (place, stream) = (events.place(), events.stream());
        let hello = ProjectEventJson::Hello {
            sequence: place.sequence,
            stream: stream.to_string(),
        };
        let presence = vec![(place.sequence, ProjectEvent::PresenceChanged)];
        let read = read_frames(app, &events, presence);
        let mut feed = Self {
            events,
            frames: VecDeque::from([hello.encode()]),
            work: Work::Read(Box::pin(read)),
            next_batch_at: Instant::now(),
        };
        if place.has_gap {
            feed.push_resync();
        }
        feed
    }

    fn push_resync(&mut self) {
        let resync = ProjectEventJson::Resync {
            sequence: self.events.place().sequence,
            stream: self.events.stream().to_string(),
        };
        self.frames.push_back(resync.encode());
    }

    /// Waits for the work and goes on to the next. Cancel safe: the work stays here.
    async fn work(&mut self, app: &AppState) {
        match &mut self.work {
            Work::Events => {
                self.events.wait().await;
                let pause = tokio::time::sleep_until(self.next_batch_at);
                self.work = Work::Pause(Box::pin(pause));
            }
            Work::Pause(pause) => {
                pause.await;
                self.read_events(app);
            }
            Work::Read(read) => {
                let result = read.await;
                self.work = Work::Events;
                self.finish_read(result);
            }
        }
    }

    /// Begins to read what the next events report.
    fn read_events(&mut self, app: &AppState) {
        self.next_batch_at = Instant::now() + BATCH_INTERVAL;
        self.work = Work::Events;
        match self.events.next(MAX_BATCH) {
            NextEvents::Gap => self.push_resync(),
            NextEvents::Events(events) if events.is_empty() => {}
            NextEvents::Events(events) => {
                let read = read_frames(app, &self.events, combine(events));
                self.work = Work::Read(Box::pin(read));
            }
        }
    }

    fn finish_read(&mut self, result: Result<Frames, StoreError>) {
        match result {
            Ok(output) => {
                self.frames.extend(output.frames);
                if let Some(last) = output.last {
                    self.events.advance(last);
                }
            }
            Err(error) => {
                log::debug!("live events could not be read: {error}");
                self.next_batch_at = Instant::now() + RETRY_DELAY;
                self.events.repeat();
            }
        }
    }
}

fn read_frames(
    app: &AppState,
    subscription: &ProjectSubscription,
    events: Vec<(u64, ProjectEvent)>,
) -> impl Future<Output = Result<Frames, StoreError>> + use<> {
    let (store, presence) = (app.store.clone(), app.services.presence.clone());
    let (project, stream) = (subscription.project(), subscription.stream());
    let read = move |snapshot: &Snapshot| {
        let writer = FrameWriter {
            snapshot,
            project,
            stream,
            presence: &presence,
            output: Frames::default(),
        };
        writer.write_all(&events)
    };
    async move { store.read(read).await }
}

impl Feed for ProjectFeed {
    async fn next(&mut self, app: &AppState) -> FeedStep {
        loop {
            if let Some(end) = self.events.end() {
                return FeedStep::Close(match end {
                    SubscriptionEnd::Closed => CloseCode::Away,
                    SubscriptionEnd::Revoked => CloseCode::Policy,
                });
            }
            if let Some(frame) = self.frames.pop_front() {
                return FeedStep::Send(frame);
            }
            self.work(app).await;
        }
    }

    fn receive(&mut self, _text: &[u8]) {}
}
