//! Whether the visitors of a project can reach a person (docs/api-contract.md, section
//! 6.9). Nothing else may promise a person.

use super::Services;
use crate::domain::{Availability, ProjectSeq, Timestamp};
use crate::store::{Snapshot, StoreError, notification, project};

/// What the database does not know about the availability.
#[derive(Debug, Clone, Copy)]
pub struct AvailabilityInput {
    /// Whether an agent has the inbox open and is not away.
    has_agent_online: bool,
    is_email_configured: bool,
    now: Timestamp,
}

impl Services {
    /// The input of the availability of a project, as of now.
    pub fn availability_input(&self, project: ProjectSeq) -> AvailabilityInput {
        AvailabilityInput {
            has_agent_online: self.presence.is_agent_available(project),
            is_email_configured: self.is_email_configured,
            now: Timestamp::now(),
        }
    }
}

impl AvailabilityInput {
    /// Reads the availability of the project.
    ///
    /// # Errors
    /// Errors of the database.
    pub fn read(
        self,
        snapshot: &Snapshot,
        project: ProjectSeq,
    ) -> Result<Availability, StoreError> {
        let (hours, away_message) = project::business_hours(snapshot, project)?;
        let is_open = hours.is_none_or(|hours| hours.is_open(self.now));
        let is_online = self.has_agent_online && is_open;
        Ok(Availability {
            is_online,
            can_notify: notification::can_notify(snapshot, project, self.is_email_configured)?,
            away_message: away_message.filter(|_| !is_online),
        })
    }
}
