//! Sessions of agents in browsers.

use std::collections::HashSet;
use std::time::Duration;

use super::batch::Batch;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{
    AgentRole, AgentSeq, AgentSessionId, AgentSessionSeq, ProjectSeq, Timestamp, TokenHash,
};

/// A stored session, with the account that it belongs to.
#[derive(Debug, Clone)]
pub struct AgentSession {
    pub seq: AgentSessionSeq,
    pub agent: AgentSeq,
    pub project: ProjectSeq,
    pub role: AgentRole,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
}

/// Finds a session by the hash of its token.
pub fn find(snapshot: &Snapshot, hash: TokenHash) -> Result<Option<AgentSession>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT s.seq, s.agent_seq, a.project_seq, a.role, s.created_at, s.last_used_at \
               FROM agent_session AS s JOIN agent AS a ON a.seq = s.agent_seq \
              WHERE s.hash = ?"
        ),
        [hash.0.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(AgentSession {
            seq: row.get(0)?,
            agent: row.get(1)?,
            project: row.get(2)?,
            role: row.variant(3, &AgentRole::NAMES)?,
            created_at: row.get(4)?,
            last_used_at: row.get(5)?,
        })
    })
}

/// A session as its agent sees it.
#[derive(Debug, Clone)]
pub struct SessionSummary {
    pub seq: AgentSessionSeq,
    pub id: AgentSessionId,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    /// The browser, as it names itself.
    pub user_agent: Option<String>,
    /// The client address of the sign-in.
    pub address: Option<String>,
}

/// The sessions of an account, the last used first, without those that have expired.
pub fn all(
    snapshot: &Snapshot,
    agent: AgentSeq,
    times: SessionTimes,
    now: Timestamp,
) -> Result<Vec<SessionSummary>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT seq, id, created_at, last_used_at, user_agent, address FROM agent_session \
              WHERE agent_seq = ? AND last_used_at >= ? AND created_at >= ? \
              ORDER BY last_used_at DESC, seq DESC"
        ),
        [
            agent.into(),
            now.minus(times.idle).into(),
            now.minus(times.max).into(),
        ],
    );
    snapshot.all(&sql, |row| {
        Ok(SessionSummary {
            seq: row.get(0)?,
            id: row.get(1)?,
            created_at: row.get(2)?,
            last_used_at: row.get(3)?,
            user_agent: row.get(4)?,
            address: row.get(5)?,
        })
    })
}

/// Those of the sessions that still exist and have not expired.
pub fn valid_seqs(
    snapshot: &Snapshot,
    times: SessionTimes,
    now: Timestamp,
) -> Result<HashSet<AgentSessionSeq>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT seq FROM agent_session WHERE last_used_at >= ? AND created_at >= ?"),
        [now.minus(times.idle).into(), now.minus(times.max).into()],
    );
    let seqs = snapshot.all(&sql, |row| row.get(0))?;
    Ok(seqs.into_iter().collect())
}

/// After how long sessions expire.
#[derive(Debug, Clone, Copy)]
pub struct SessionTimes {
    /// Without use.
    pub idle: Duration,
    /// Even if they are used.
    pub max: Duration,
}

/// The maximum number of sessions of an account. A new one replaces the one that was not
/// used for the longest time.
const MAX_SESSIONS: i64 = 50;

/// A session to be stored.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub id: AgentSessionId,
    pub hash: TokenHash,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub at: Timestamp,
}

impl NewSession {
    /// Starts the session of an account whose password has this hash.
    ///
    /// Rejected with [`Rejection::NotFound`].
    pub fn start(&self, agent: AgentSeq, password_hash: Option<&str>) -> Batch {
        let insert = Sql::new(
            sql!(
                "INSERT INTO agent_session (id, hash, agent_seq, created_at, last_used_at, \
                                            user_agent, address) \
                 SELECT ?1, ?2, seq, ?3, ?3, ?4, ?5 FROM agent \
                  WHERE seq = ?6 AND password_hash IS NOT DISTINCT FROM ?7"
            ),
            [
                self.id.into(),
                self.hash.0.into(),
                self.at.into(),
                self.user_agent.clone().into(),
                self.address.clone().into(),
                agent.into(),
                password_hash.into(),
            ],
        );
        let trim = Sql::new(
            sql!(
                "DELETE FROM agent_session WHERE agent_seq = ?1 AND seq NOT IN \
                     (SELECT seq FROM agent_session WHERE agent_seq = ?1 \
                       ORDER BY last_used_at DESC, seq DESC LIMIT ?2)"
            ),
            [agent.into(), MAX_SESSIONS.into()],
        );
        Batch::new()
            .run_expecting_change(insert, Rejection::NotFound)
            .run(trim)
    }

    /// Starts the first session of an account that the same batch creates.
    pub fn start_first(&self, agent: crate::domain::AgentId) -> Batch {
        Batch::of([Sql::new(
            sql!(
                "INSERT INTO agent_session (id, hash, agent_seq, created_at, last_used_at, \
                                            user_agent, address) \
                 SELECT ?1, ?2, seq, ?3, ?3, ?4, ?5 FROM agent WHERE id = ?6"
            ),
            [
                self.id.into(),
                self.hash.0.into(),
                self.at.into(),
                self.user_agent.clone().into(),
                self.address.clone().into(),
                agent.into(),
            ],
        )])
    }
}

/// Stores that a session was used.
pub fn touch(session: AgentSessionSeq, at: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!("UPDATE agent_session SET last_used_at = ?2 WHERE seq = ?1 AND last_used_at < ?2"),
        [session.into(), at.into()],
    )])
}

/// Ends a session.
pub fn end(session: AgentSessionSeq) -> Batch {
    Batch::of([Sql::new(
        sql!("DELETE FROM agent_session WHERE seq = ?"),
        [session.into()],
    )])
}

/// Ends a session of an account by its id.
///
/// Rejected with [`Rejection::NotFound`].
pub fn end_by_id(agent: AgentSeq, id: AgentSessionId) -> Batch {
    let sql = Sql::new(
        sql!("DELETE FROM agent_session WHERE id = ? AND agent_seq = ?"),
        [id.into(), agent.into()],
    );
    Batch::new().run_expecting_change(sql, Rejection::NotFound)
}

/// Ends the sessions of an account, except one.
pub fn end_others(agent: AgentSeq, except: Option<AgentSessionSeq>) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "DELETE FROM agent_session WHERE agent_seq = ?1 AND (CAST(?2 AS BIGINT) IS NULL OR seq <> ?2)"
        ),
        [agent.into(), except.into()],
    )])
}

/// Deletes the sessions that have expired.
pub fn remove_expired(times: SessionTimes, now: Timestamp) -> Batch {
    Batch::of([
        Sql::new(
            sql!("DELETE FROM agent_session WHERE last_used_at < ?"),
            [now.minus(times.idle).into()],
        ),
        Sql::new(
            sql!("DELETE FROM agent_session WHERE created_at < ?"),
            [now.minus(times.max).into()],
        ),
    ])
}
