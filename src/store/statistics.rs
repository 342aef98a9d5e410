//! What the conversations of the last days amount to.
//!
//! The cost grows with the number of conversations of the period: their rows are read in
//! the order of the index of creation. [`super::Store::search`] limits the time.

use std::ops::Range;

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{DAY_MS, DayStatistics, ProjectSeq, Statistics, Timestamp};

/// Reads the statistics of the last `days` days of UTC, of which today is the last.
pub fn read(
    snapshot: &Snapshot,
    project: ProjectSeq,
    days: u32,
    now: Timestamp,
) -> Result<Statistics, StoreError> {
    let today = now.0.div_euclid(DAY_MS);
    let first = today - i64::from(days) + 1;
    let day = |day: i64| DayStatistics {
        at: Timestamp(day * DAY_MS),
        conversations: 0,
    };
    let mut statistics = Statistics {
        days: (first..=today).map(day).collect(),
        ..Statistics::default()
    };
    let period = first * DAY_MS..(today + 1) * DAY_MS;
    let mut waits = Vec::new();
    for status in ["open", "closed"] {
        let range = (project, status, period.clone());
        count_conversations(snapshot, range, &mut statistics, &mut waits)?;
    }
    statistics.median_wait_ms = median(&mut waits);
    count_feedback(snapshot, project, period, &mut statistics)?;
    Ok(statistics)
}

/// Selects the conversations of a status that were started in a period. SQLite has no
/// statistics of the rows, so it is told the index.
macro_rules! select_conversations {
    ($index:literal) => {
        concat!(
            "SELECT created_at, CASE WHEN last_message_seq IS NULL THEN 0 ELSE 1 END, \
                    CASE WHEN is_human_handled = 1 OR has_agent = 1 OR waiting_since IS NOT NULL \
                         THEN 1 ELSE 0 END, waited_ms \
               FROM conversation ",
            $index,
            " WHERE project_seq = ? AND status = ? AND created_at >= ? AND created_at < ?"
        )
    };
}

/// Counts the conversations of a status that were started in a period.
fn count_conversations(
    snapshot: &Snapshot,
    (project, status, period): (ProjectSeq, &'static str, Range<i64>),
    statistics: &mut Statistics,
    waits: &mut Vec<u64>,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        sql!(
            sqlite: select_conversations!("INDEXED BY conversation_by_created"),
            postgres: select_conversations!(""),
        ),
        [
            project.into(),
            status.into(),
            period.start.into(),
            period.end.into(),
        ],
    );
    snapshot.for_each_in_parts(&sql, |row| {
        let created_at: i64 = row.get(0)?;
        let day = (created_at - period.start).div_euclid(DAY_MS);
        let day = usize::try_from(day).ok();
        if let Some(day) = day.and_then(|day| statistics.days.get_mut(day)) {
            day.conversations += 1;
        }
        let waited: Option<u64> = row.get(3)?;
        let (has_message, has_agent): (bool, bool) = (row.get(1)?, row.get(2)?);
        if has_message {
            statistics.with_message += 1;
            statistics.without_agent += u64::from(!has_agent && waited.is_none());
        }
        waits.extend(waited);
        Ok::<_, StoreError>(())
    })
}

/// The lower median.
fn median(values: &mut [u64]) -> Option<u64> {
    let middle = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable(middle).1)
}

/// Counts the feedback of a period.
macro_rules! count_feedback {
    ($index:literal) => {
        concat!(
            "SELECT count(*) FILTER (WHERE m.feedback = 'like'), \
                    count(*) FILTER (WHERE m.feedback = 'dislike') \
               FROM message AS m ",
            $index,
            " CROSS JOIN conversation AS c \
              WHERE m.feedback_at >= ? AND m.feedback_at < ? AND c.project_seq = ? \
                AND c.seq = m.conversation_seq"
        )
    };
}

fn count_feedback(
    snapshot: &Snapshot,
    project: ProjectSeq,
    period: Range<i64>,
    statistics: &mut Statistics,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        sql!(
            sqlite: count_feedback!("INDEXED BY message_with_feedback"),
            postgres: count_feedback!(""),
        ),
        [period.start.into(), period.end.into(), project.into()],
    );
    (statistics.likes, statistics.dislikes) =
        snapshot.one(&sql, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(())
}

/// The number of conversations of a project that wait for an agent now.
pub fn waiting(snapshot: &Snapshot, project: ProjectSeq) -> Result<u64, StoreError> {
    let sql = Sql::new(
        sql!("SELECT waiting_conversations FROM project WHERE seq = ?"),
        [project.into()],
    );
    snapshot.one(&sql, |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn median_is_the_lower_middle_value() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [5]), Some(5));
        assert_eq!(median(&mut [9, 1]), Some(1));
        assert_eq!(median(&mut [9, 1, 4]), Some(4));
    }
}
