//! What a WebSocket of a project sends (docs/api-contract.md, section 8.5).

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::CloseCode;
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::{Instant, Sleep, sleep_until};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::ConversationId;
use crate::events::project::{
    Frames, NextEvents, ProjectEvent, ProjectSubscription, SubscriptionEnd, combine,
};
use crate::http::json::ProjectEventJson;
use crate::http::project_frames::FrameWriter;
use crate::http::watched_answers::WatchedAnswers;
use crate::http::websocket::{Feed, FeedStep};
use crate::store::live_event::{self, WatchedConversation};
use crate::store::{Snapshot, StoreError};

/// The number of events that are read at once.
const MAX_BATCH: usize = 64;
/// The time between two reads. Several changes of a conversation in this time are one
/// event.
const BATCH_INTERVAL: Duration = Duration::from_millis(50);
/// The time until a failed read is repeated.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// The time between two parts of an answer.
const DELTA_INTERVAL: Duration = Duration::from_millis(100);
/// The number of frames of a client that may wait. Further ones are ignored.
const MAX_WAITING_FRAMES: usize = 16;

/// A text frame of a client, besides `ping`.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ProjectClientFrame)]
pub enum ClientFrame {
    /// Send the text of answers in a conversation while they are generated. A client can
    /// watch 8 conversations; another one replaces the first.
    #[schema(title = "WatchFrame")]
    #[serde(rename_all = "camelCase")]
    Watch {
        /// The id of the conversation.
        chat_id: ConversationId,
    },
    /// Do not send the text of answers in a conversation any more.
    #[schema(title = "UnwatchFrame")]
    #[serde(rename_all = "camelCase")]
    Unwatch {
        /// The id of the conversation.
        chat_id: ConversationId,
    },
}

/// The events of a project.
pub struct ProjectFeed {
    events: ProjectSubscription,
    /// The frames to send next.
    frames: VecDeque<Bytes>,
    work: Work,
    /// When the next events may be read.
    next_batch_at: Instant,
    /// The conversations that the client wants to watch, and that are not found yet.
    requests: VecDeque<ConversationId>,
    answers: WatchedAnswers,
    /// The time of the next parts of answers, while there are any.
    next_delta: Option<Pin<Box<Sleep>>>,
}

/// What the feed waits for.
enum Work {
    /// An event.
    Events,
    /// The time of the next batch.
    Pause(Pin<Box<Sleep>>),
    /// The read of what events report, up to a sequence number.
    Read(ReadFuture<Arc<Frames>>),
    /// The search for a conversation to watch.
    Find(ConversationId, ReadFuture<Option<WatchedConversation>>),
}

type ReadFuture<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>>>>;

/// What has happened.
enum Happened {
    Event,
    PauseIsOver,
    Read(Result<Arc<Frames>, StoreError>),
    Found(
        ConversationId,
        Result<Option<WatchedConversation>, StoreError>,
    ),
    DeltaIsDue,
}

impl ProjectFeed {
    /// Sends `hello`, the agents who are there, and then `events`.
    pub fn new(app: &AppState, events: ProjectSubscription) -> Self {
        let (position, stream) = (events.position(), events.stream());
        let hello = ProjectEventJson::Hello {
            sequence: position.sequence,
            stream: stream.to_string(),
        };
        let presence = vec![(position.sequence, ProjectEvent::PresenceChanged)];
        let read = read_frames(app, &events, presence);
        let read = Box::pin(async { read.await.map(Arc::new) });
        let mut feed = Self {
            events,
            frames: VecDeque::from([hello.encode()]),
            work: Work::Read(read),
            next_batch_at: Instant::now(),
            requests: VecDeque::new(),
            answers: WatchedAnswers::default(),
            next_delta: None,
        };
        if position.has_gap {
            feed.push_resync();
        }
        feed
    }

    fn push_resync(&mut self) {
        let resync = ProjectEventJson::Resync {
            sequence: self.events.position().sequence,
            stream: self.events.stream().to_string(),
        };
        self.frames.push_back(resync.encode());
    }

    fn handle(&mut self, app: &AppState, happened: Happened) {
        match happened {
            Happened::Event => {
                self.work = Work::Pause(Box::pin(sleep_until(self.next_batch_at)));
            }
            Happened::PauseIsOver => self.read_events(app),
            Happened::Read(result) => {
                self.work = Work::Events;
                self.finish_read(app, result);
            }
            Happened::Found(chat, result) => {
                self.work = Work::Events;
                match result {
                    Ok(Some(found)) => self.answers.watch(app, chat, &found),
                    Ok(None) => {}
                    Err(error) => log::debug!("a watched conversation was not read: {error}"),
                }
                self.push_deltas();
            }
            Happened::DeltaIsDue => self.push_deltas(),
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
                let place = (self.events.stream(), self.events.position().sequence);
                let read = read_frames(app, &self.events, combine(events));
                let hub = app.services.project_events.clone();
                let read = async move { hub.shared_frames().get(place, read).await };
                self.work = Work::Read(Box::pin(read));
            }
        }
    }

    fn finish_read(&mut self, app: &AppState, result: Result<Arc<Frames>, StoreError>) {
        let output = match result {
            Ok(output) => output,
            Err(error) => {
                log::debug!("live events could not be read: {error}");
                self.next_batch_at = Instant::now() + RETRY_DELAY;
                self.events.repeat();
                return;
            }
        };
        // The rest of the text of an answer precedes its end.
        self.push_deltas();
        self.frames.extend(output.frames.iter().cloned());
        if let Some(last) = output.last {
            self.events.advance(last);
        }
        self.answers.forget(&output.ended);
        for (conversation, message) in &output.streaming {
            self.answers.follow(app, *conversation, *message);
        }
        self.push_deltas();
    }

    /// Sends the new text of the watched answers.
    fn push_deltas(&mut self) {
        let sequence = self.events.position().sequence;
        self.answers.push_deltas(sequence, &mut self.frames);
        let is_due = self.answers.is_active();
        self.next_delta = is_due.then(|| Box::pin(sleep_until(Instant::now() + DELTA_INTERVAL)));
    }
}

impl Work {
    /// Waits. Cancel safe: the work stays.
    async fn wait(&mut self, events: &mut ProjectSubscription) -> Happened {
        match self {
            Work::Events => {
                events.wait().await;
                Happened::Event
            }
            Work::Pause(pause) => {
                pause.await;
                Happened::PauseIsOver
            }
            Work::Read(read) => Happened::Read(read.await),
            Work::Find(chat, find) => Happened::Found(*chat, find.await),
        }
    }
}

/// Waits for the next parts of answers.
async fn wait_for_delta(next_delta: &mut Option<Pin<Box<Sleep>>>) -> Happened {
    match next_delta {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
    Happened::DeltaIsDue
}

fn read_frames(
    app: &AppState,
    subscription: &ProjectSubscription,
    events: Vec<(u64, ProjectEvent)>,
) -> ReadFuture<Frames> {
    let (store, presence) = (app.store.clone(), app.services.presence.clone());
    let (project, stream) = (subscription.project(), subscription.stream());
    let after = subscription.position().sequence;
    let read = move |snapshot: &Snapshot| {
        let writer = FrameWriter {
            snapshot,
            project,
            stream,
            presence: &presence,
            after,
            output: Frames::default(),
        };
        writer.write_all(&events)
    };
    Box::pin(async move { store.read(read).await })
}

fn find_watched(
    app: &AppState,
    subscription: &ProjectSubscription,
    chat: ConversationId,
) -> ReadFuture<Option<WatchedConversation>> {
    let (store, project) = (app.store.clone(), subscription.project());
    let read = move |snapshot: &Snapshot| live_event::watched(snapshot, project, chat);
    Box::pin(async move { store.read(read).await })
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
            if matches!(self.work, Work::Events)
                && let Some(chat) = self.requests.pop_front()
            {
                self.work = Work::Find(chat, find_watched(app, &self.events, chat));
            }
            let happened = tokio::select! {
                biased;
                happened = self.work.wait(&mut self.events) => happened,
                happened = wait_for_delta(&mut self.next_delta) => happened,
            };
            self.handle(app, happened);
        }
    }

    fn receive(&mut self, text: &[u8]) {
        match serde_json::from_slice(text) {
            Ok(ClientFrame::Watch { chat_id }) if self.requests.len() < MAX_WAITING_FRAMES => {
                self.requests.push_back(chat_id);
            }
            Ok(ClientFrame::Unwatch { chat_id }) => {
                self.requests.retain(|chat| *chat != chat_id);
                self.answers.unwatch(chat_id);
            }
            // Clients may send more in a later version.
            Ok(ClientFrame::Watch { .. }) | Err(_) => {}
        }
    }
}
