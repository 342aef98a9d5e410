//! The messages that a project's visitors may send in a calendar month
//! (docs/api-contract.md, section 10.3).

use crate::domain::{ProjectSeq, Timestamp};
use crate::store::{Snapshot, StoreError, usage};

/// The messages of the month are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the messages of this month are used up")]
pub struct QuotaExceeded {
    /// Seconds until the next month begins.
    pub retry_after_secs: u64,
}

/// Checks that another message may be sent. `default_limit` applies to a project
/// without a quota of its own. A limit of 0 means no limit.
pub fn check<E>(
    snapshot: &Snapshot,
    project: ProjectSeq,
    default_limit: u64,
    now: Timestamp,
) -> Result<(), E>
where
    E: From<QuotaExceeded> + From<StoreError>,
{
    let (messages, quota) = usage::month_with_quota(snapshot, project, now)?;
    let limit = quota.map_or(default_limit, u64::from);
    if limit == 0 || messages < limit {
        return Ok(());
    }
    Err(E::from(QuotaExceeded {
        retry_after_secs: now.seconds_until_next_month(),
    }))
}
