//! Reads the events that all nodes write, and publishes them on this node.

use std::time::{Duration, Instant};

use super::Services;
use super::node_presence::NodePresence;
use crate::domain::{Status, Timestamp};
use crate::store::outbox::{self, EventBatch, Events};
use crate::store::{Changes, ContentChange, ListChange, Snapshot, StoreError};

/// How often events are read if the store does not announce them.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The minimum time between two reads, so that one read serves many commits.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
/// How long a new subscriber waits for the events before its subscription.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// How long events are stored. A node that reads none for this time misses events.
const MAX_AGE: Duration = Duration::from_secs(60);
/// The minimum time between two deletions of old events.
const DELETION_INTERVAL: Duration = Duration::from_secs(5);

/// Reads the events of all nodes from a position on.
#[derive(Debug, Default)]
pub struct EventReader {
    /// The last event that was published. `None` if it could not be read yet.
    position: Option<i64>,
    /// When the first event was read since the last deletion of old events.
    deletable_since: Option<Instant>,
    presence: NodePresence,
}

impl EventReader {
    /// A reader of the events that follow. Create it before a client can connect, so that
    /// no client misses an event.
    pub async fn new(services: &Services) -> Self {
        let mut reader = Self::default();
        if services.store.has_outbox()
            && let Err(error) = reader.go_to_newest(services).await
        {
            log::warn!("the events of other nodes could not be read: {error}; trying again");
        }
        reader
    }

    /// Publishes the events of all nodes, forever. Returns at once if the store belongs to
    /// one node.
    pub async fn run(mut self, services: &Services) {
        let Some(signal) = services.store.event_signal() else {
            return;
        };
        loop {
            let _ = tokio::time::timeout(POLL_INTERVAL, signal.notified()).await;
            if let Err(error) = self.read(services).await {
                log::debug!("the events of other nodes could not be read: {error}");
            }
            tokio::time::sleep(MIN_INTERVAL).await;
        }
    }

    async fn read(&mut self, services: &Services) -> Result<(), StoreError> {
        match self.position {
            Some(position) => self.publish_after(services, position).await?,
            None => self.go_to_newest(services).await?,
        }
        if let Some(report) = self.presence.report(services, Instant::now()) {
            services.store.write(report).await?;
        }
        self.delete_old(services).await
    }

    async fn go_to_newest(&mut self, services: &Services) -> Result<(), StoreError> {
        let newest = services.store.read(outbox::position).await?;
        self.position = Some(newest);
        services.published_events.send_replace(newest);
        Ok(())
    }

    async fn publish_after(
        &mut self,
        services: &Services,
        mut position: i64,
    ) -> Result<(), StoreError> {
        loop {
            let read = move |snapshot: &Snapshot| outbox::read_after(snapshot, position);
            let events = services.store.read(read).await?;
            if events.has_gap {
                self.go_to_newest(services).await?;
                return services.resynchronize().await;
            }
            if events.position > position {
                self.deletable_since.get_or_insert_with(Instant::now);
            }
            position = events.position;
            self.position = Some(position);
            services.publish_events(&events);
            services.published_events.send_replace(position);
            if !events.has_more {
                return Ok(());
            }
        }
    }

    /// Deletes old events. Each node does it, so that no node deletes many at once.
    async fn delete_old(&mut self, services: &Services) -> Result<(), StoreError> {
        let is_due = |at: Instant| at.elapsed() >= DELETION_INTERVAL;
        if !self.deletable_since.is_some_and(is_due) {
            return Ok(());
        }
        self.deletable_since = None;
        let before = Timestamp::now().minus(MAX_AGE);
        let delete = outbox::delete_before(before);
        services.store.write(delete).await.map(drop)
    }
}

impl Services {
    /// Waits until this node has published the events of the commits before this call, at
    /// most two seconds. What was read before does not follow as an event.
    ///
    /// # Errors
    /// Errors of the read.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        if !self.store.has_outbox() {
            return Ok(());
        }
        let position = self.store.read(outbox::position).await?;
        let mut published = self.published_events.subscribe();
        let is_published = published.wait_for(|newest| *newest >= position);
        if tokio::time::timeout(MAX_WAIT, is_published).await.is_err() {
            log::debug!("the events of other nodes come late");
        }
        Ok(())
    }

    fn publish_events(&self, events: &Events) {
        for EventBatch { changes, message } in &events.batches {
            self.store.report_changes(changes);
            self.end_answers(changes);
            if let Some(message) = message {
                self.publish_message(message);
            }
        }
    }

    /// Ends what this node does for conversations and answers that another node has ended.
    fn end_answers(&self, changes: &Changes) {
        for change in &changes.lists {
            match change {
                ListChange::Deleted(row) => {
                    self.active_answers.stop(row.seq);
                    self.events.remove_conversation(row.project, row.id);
                }
                ListChange::Updated(update) if update.after.status == Status::Closed => {
                    self.active_answers.stop(update.after.seq);
                }
                ListChange::ContentChanged(_, _, ContentChange::MessageUpdated(update))
                    if update.has_ended =>
                {
                    self.active_answers
                        .stop_message(update.conversation, update.id);
                }
                ListChange::ContentChanged(_, _, ContentChange::MessageDeleted(seq, _, id)) => {
                    self.active_answers.stop_message(*seq, *id);
                }
                _ => {}
            }
        }
    }

    /// Events were lost: the clients connect again and read what they show.
    async fn resynchronize(&self) -> Result<(), StoreError> {
        log::warn!("events of other nodes were missed; clients with open connections read again");
        self.store.report_lost_changes();
        self.events.disconnect_all();
        self.end_missing_conversations().await
    }
}
