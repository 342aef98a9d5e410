//! Tells the other nodes which agents are online on this one.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Services;
use crate::domain::{AgentSeq, ProjectSeq, Timestamp};
use crate::events::AgentPresence;
use crate::events::project::ProjectEvent;
use crate::store::outbox::{self, Message};
use crate::store::{Batch, StoreError};

/// How often a node reports agents who stay online.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// What this node has reported.
#[derive(Debug, Default)]
pub(super) struct NodePresence {
    agents: Vec<AgentPresence>,
    reported_at: Option<Instant>,
}

/// The message of a node, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    node: Uuid,
    /// Project, agent, and whether the agent is away.
    agents: Vec<(i64, i64, bool)>,
    /// Whether the node has stopped. Its clients may be about to connect to other nodes.
    #[serde(default)]
    is_last: bool,
}

impl Report {
    fn into_write(self) -> Batch {
        let message = Message {
            topic: None,
            payload: serde_json::to_string(&self).unwrap_or_default(),
        };
        outbox::append(message, Timestamp::now())
    }
}

impl NodePresence {
    /// The write that reports the agents of this node. `None` if nothing has changed and
    /// the last report is new enough.
    pub fn report(&mut self, services: &Services, now: Instant) -> Option<Batch> {
        let agents = services.presence.of_this_node();
        let is_due = self
            .reported_at
            .is_none_or(|at| now.saturating_duration_since(at) >= REPORT_INTERVAL);
        let is_repeated = is_due && !agents.is_empty();
        if agents == self.agents && !is_repeated {
            return None;
        }
        let report = Report {
            node: services.lease.process(),
            agents: agents
                .iter()
                .map(|agent| (agent.project.0, agent.agent.0, agent.is_away))
                .collect(),
            is_last: false,
        };
        self.agents = agents;
        self.reported_at = Some(now);
        Some(report.into_write())
    }
}

impl Services {
    /// Tells the other nodes that no agent is online on this one any more.
    pub async fn report_shutdown(&self) -> Result<(), StoreError> {
        if !self.store.has_outbox() {
            return Ok(());
        }
        let report = Report {
            node: self.lease.process(),
            agents: Vec::new(),
            is_last: true,
        };
        self.store.write(report.into_write()).await.map(drop)
    }

    /// Records the agents who are online on another node.
    pub(super) fn publish_presence(&self, payload: &str) {
        let Ok(report) = serde_json::from_str(payload) else {
            // A node of a newer version wrote it.
            return log::debug!("an event of another node is not known");
        };
        let Report {
            node,
            agents,
            is_last,
        } = report;
        if node == self.lease.process() {
            return;
        }
        if is_last {
            return self.presence.end_node(node, Instant::now());
        }
        let agents = agents
            .into_iter()
            .map(|(project, agent, is_away)| AgentPresence {
                project: ProjectSeq(project),
                agent: AgentSeq(agent),
                is_away,
            });
        let changed = self
            .presence
            .report_node(node, agents.collect(), Instant::now());
        for project in changed {
            self.project_events
                .publish(project, ProjectEvent::PresenceChanged);
        }
    }
}
