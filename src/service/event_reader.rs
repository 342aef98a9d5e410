//! Reads the events that all nodes write, and publishes them on this node.

use std::time::{Duration, Instant};

use super::Services;
use super::node_presence::NodePresence;
use crate::domain::{Status, Timestamp};
use crate::store::outbox::{self, Events};
use crate::store::{Changes, ContentChange, ListChange, Snapshot, StoreError};

/// How often events are read if the store does not announce them.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The minimum time between two reads, so that one read serves many commits.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
/// How long events are stored.
const MAX_AGE: Duration = Duration::from_secs(60);
/// After this time without a read, events may have been deleted before they were read.
const MAX_GAP: Duration = Duration::from_secs(45);

/// Publishes the events of all nodes, forever. Returns at once if the store belongs to one
/// node.
pub async fn run(services: &Services) {
    let Some(signal) = services.store.event_signal() else {
        return;
    };
    let mut reader = EventReader {
        services,
        position: None,
        read_at: Instant::now(),
        deleted_at: Instant::now(),
        presence: NodePresence::default(),
    };
    loop {
        let _ = tokio::time::timeout(POLL_INTERVAL, signal.notified()).await;
        if let Err(error) = reader.read().await {
            log::debug!("the events of other nodes could not be read: {error}");
        }
        tokio::time::sleep(MIN_INTERVAL).await;
    }
}

struct EventReader<'s> {
    services: &'s Services,
    /// The last event that was published. `None` before the first read.
    position: Option<i64>,
    read_at: Instant,
    deleted_at: Instant,
    presence: NodePresence,
}

impl EventReader<'_> {
    async fn read(&mut self) -> Result<(), StoreError> {
        let store = &self.services.store;
        let newest = store.read(outbox::position).await?;
        let has_gap = self.read_at.elapsed() > MAX_GAP;
        // The position is after the newest event if a server that has lost events took over.
        match self.position {
            Some(position) if position <= newest && !has_gap => {
                self.publish_after(position, newest).await?;
            }
            position => {
                self.position = Some(newest);
                if position.is_some() {
                    self.services.resynchronize().await?;
                }
            }
        }
        self.read_at = Instant::now();
        if let Some(report) = self.presence.report(self.services, Instant::now()) {
            store.write(report).await?;
        }
        self.delete_old().await
    }

    async fn publish_after(&mut self, mut position: i64, newest: i64) -> Result<(), StoreError> {
        while position < newest {
            let read = move |snapshot: &Snapshot| outbox::read_after(snapshot, position);
            let events = self.services.store.read(read).await?;
            position = events.position;
            self.position = Some(position);
            self.services.publish_events(&events);
            if !events.has_more {
                break;
            }
        }
        Ok(())
    }

    /// Deletes old events. Each node does it, a few times in [`MAX_AGE`].
    async fn delete_old(&mut self) -> Result<(), StoreError> {
        if self.deleted_at.elapsed() < MAX_AGE / 4 {
            return Ok(());
        }
        self.deleted_at = Instant::now();
        let before = Timestamp::now().minus(MAX_AGE);
        self.services
            .store
            .write(outbox::delete_before(before))
            .await?;
        Ok(())
    }
}

impl Services {
    fn publish_events(&self, events: &Events) {
        self.store.report_changes(&events.changes);
        self.end_answers(&events.changes);
        for message in &events.messages {
            self.publish_message(message);
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
