//! Publishes live events after the commit of the change that they report.

use super::Services;
use crate::domain::{ConversationId, ProjectSeq};
use crate::events::Event;
use crate::store::{Batch, StoreError};

impl Services {
    /// Writes a batch and publishes its events after the commit, even if the caller is
    /// cancelled before the commit.
    pub(super) fn write_and_publish(
        &self,
        batch: Batch,
        project: ProjectSeq,
        conversation: ConversationId,
        new_events: Vec<Event>,
    ) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let (batch, new_events) = self.add_to_outbox(batch, project, conversation, new_events);
        // The batch is in the writer's queue when this function returns.
        let write = self.store.submit(batch);
        let events = self.events.clone();
        let task = tokio::spawn(async move {
            write.await?;
            for event in new_events {
                events.publish(project, conversation, &event);
            }
            Ok(())
        });
        async {
            task.await
                .map_err(|error| StoreError::Unknown(error.to_string()))?
        }
    }
}
