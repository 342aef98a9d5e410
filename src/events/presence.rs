//! Which agents are online: those with an open socket for the events of their project, on
//! this node or on another.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::domain::{AgentSeq, ProjectSeq};

/// How long an agent counts as online after the last socket was closed, so that a
/// reload of the inbox is not noticed.
pub const OFFLINE_DELAY: Duration = Duration::from_secs(10);

/// After this time without a report of another node, its agents are not online any more.
const NODE_TIMEOUT: Duration = Duration::from_secs(30);

/// The agents who are online. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    agents: Arc<Mutex<ByProject>>,
    other_nodes: Arc<Mutex<HashMap<Uuid, OtherNode>>>,
}

/// The agents of this node. Maps of projects are never empty.
type ByProject = HashMap<ProjectSeq, HashMap<AgentSeq, OnlineAgent>>;

/// An agent who is online on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgentPresence {
    pub project: ProjectSeq,
    pub agent: AgentSeq,
    pub is_away: bool,
}

/// The agents of another node, as of its last report.
#[derive(Debug)]
struct OtherNode {
    agents: Vec<AgentPresence>,
    /// When the agents are not online any more, unless the node reports again.
    expires_at: Instant,
}

#[derive(Debug, Default)]
struct OnlineAgent {
    sockets: usize,
    is_away: bool,
    /// When the last socket was closed, if none is open.
    closed_at: Option<Instant>,
}

impl Presence {
    /// Whether an agent of the project is online and not away.
    pub fn is_agent_available(&self, project: ProjectSeq) -> bool {
        let presence = self.lock();
        let mut agents = presence.get(&project).into_iter().flat_map(HashMap::values);
        agents.any(|agent| !agent.is_away)
            || self.is_on_other_node(|agent| agent.project == project && !agent.is_away)
    }

    /// Whether an agent is online.
    pub fn is_online(&self, project: ProjectSeq, agent: AgentSeq) -> bool {
        let presence = self.lock();
        presence
            .get(&project)
            .is_some_and(|agents| agents.contains_key(&agent))
            || self.is_on_other_node(|other| (other.project, other.agent) == (project, agent))
    }

    fn is_on_other_node(&self, condition: impl Fn(&AgentPresence) -> bool) -> bool {
        let nodes = lock(&self.other_nodes);
        nodes
            .values()
            .any(|node| node.agents.iter().any(&condition))
    }

    /// The agents of this node, in order.
    pub fn of_this_node(&self) -> Vec<AgentPresence> {
        let presence = self.lock();
        let agents = presence.iter().flat_map(|(project, agents)| {
            agents.iter().map(|(agent, state)| AgentPresence {
                project: *project,
                agent: *agent,
                is_away: state.is_away,
            })
        });
        let mut agents: Vec<_> = agents.collect();
        agents.sort_unstable();
        agents
    }

    /// Records the agents of another node. Returns the projects in which something changed.
    pub fn report_node(
        &self,
        node: Uuid,
        agents: Vec<AgentPresence>,
        now: Instant,
    ) -> Vec<ProjectSeq> {
        let mut nodes = lock(&self.other_nodes);
        let new = OtherNode {
            agents,
            expires_at: now + NODE_TIMEOUT,
        };
        let changed = match nodes.get(&node) {
            Some(old) => changed_projects(&old.agents, &new.agents),
            None => changed_projects(&[], &new.agents),
        };
        nodes.insert(node, new);
        changed
    }

    /// Records that another node has stopped. Its agents stay online for [`OFFLINE_DELAY`],
    /// in which their clients connect to other nodes.
    pub fn end_node(&self, node: Uuid, now: Instant) {
        if let Some(node) = lock(&self.other_nodes).get_mut(&node) {
            node.expires_at = node.expires_at.min(now + OFFLINE_DELAY);
        }
    }

    /// The number of agents who are online, in all projects.
    pub fn online_count(&self) -> usize {
        self.lock().values().map(HashMap::len).sum()
    }

    /// Records that a socket of an agent was opened. Returns whether the agent was not
    /// online before.
    pub(super) fn add_socket(&self, project: ProjectSeq, agent: AgentSeq, is_away: bool) -> bool {
        let mut presence = self.lock();
        let entry = presence.entry(project).or_default().entry(agent);
        let is_new = matches!(entry, Entry::Vacant(_));
        let entry = entry.or_default();
        entry.sockets += 1;
        entry.is_away = is_away;
        entry.closed_at = None;
        is_new
    }

    /// Records that a socket of an agent was closed.
    pub(super) fn remove_socket(&self, project: ProjectSeq, agent: AgentSeq, now: Instant) {
        let mut presence = self.lock();
        let agents = presence.get_mut(&project);
        let Some(entry) = agents.and_then(|agents| agents.get_mut(&agent)) else {
            return;
        };
        entry.sockets = entry.sockets.saturating_sub(1);
        if entry.sockets == 0 {
            entry.closed_at = Some(now);
        }
    }

    /// Records whether an agent is away. Agents who are not online have no entry.
    pub(super) fn set_away(&self, project: ProjectSeq, agent: AgentSeq, is_away: bool) {
        let mut presence = self.lock();
        let agents = presence.get_mut(&project);
        if let Some(entry) = agents.and_then(|agents| agents.get_mut(&agent)) {
            entry.is_away = is_away;
        }
    }

    /// Removes the agents whose last socket was closed [`OFFLINE_DELAY`] before `now`.
    /// Returns their projects.
    pub(super) fn remove_offline(&self, now: Instant) -> Vec<ProjectSeq> {
        let is_online = |agent: &OnlineAgent| {
            let closed_at = agent.closed_at;
            closed_at.is_none_or(|at| now.saturating_duration_since(at) < OFFLINE_DELAY)
        };
        let mut changed = self.remove_silent_nodes(now);
        self.lock().retain(|project, agents| {
            let count = agents.len();
            agents.retain(|_, agent| is_online(agent));
            if agents.len() < count {
                changed.push(*project);
            }
            !agents.is_empty()
        });
        changed
    }

    /// Removes the nodes that do not report any more. Returns the projects of their agents.
    fn remove_silent_nodes(&self, now: Instant) -> Vec<ProjectSeq> {
        let mut nodes = lock(&self.other_nodes);
        let is_silent = |node: &OtherNode| now > node.expires_at;
        let silent = nodes.extract_if(|_, node| is_silent(node));
        let agents = silent.flat_map(|(_, node)| node.agents);
        agents.map(|agent| agent.project).collect()
    }

    fn lock(&self) -> MutexGuard<'_, ByProject> {
        lock(&self.agents)
    }
}

// The data behind the locks is consistent after every statement, so a panic of another
// thread does not invalidate it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The projects whose agents differ between two reports of a node.
fn changed_projects(before: &[AgentPresence], after: &[AgentPresence]) -> Vec<ProjectSeq> {
    let only_in = |one: &[AgentPresence], other: &[AgentPresence]| {
        let agents = one.iter().filter(|agent| !other.contains(agent));
        agents.map(|agent| agent.project).collect::<Vec<_>>()
    };
    let mut projects = [only_in(before, after), only_in(after, before)].concat();
    projects.sort_unstable();
    projects.dedup();
    projects
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: ProjectSeq = ProjectSeq(1);
    const MARA: AgentSeq = AgentSeq(1);

    #[test]
    fn agent_is_available_while_online_and_not_away() {
        let presence = Presence::default();
        assert!(!presence.is_agent_available(PROJECT));
        assert!(presence.add_socket(PROJECT, MARA, false));
        assert!(presence.is_agent_available(PROJECT));
        assert!(!presence.is_agent_available(ProjectSeq(2)));
        presence.set_away(PROJECT, MARA, true);
        assert!(!presence.is_agent_available(PROJECT));
        assert!(presence.is_online(PROJECT, MARA));
    }

    #[test]
    fn agent_stays_online_until_the_delay_after_the_last_socket_is_over() {
        let presence = Presence::default();
        let now = Instant::now();
        presence.add_socket(PROJECT, MARA, false);
        assert!(!presence.add_socket(PROJECT, MARA, false), "no change");
        presence.remove_socket(PROJECT, MARA, now);
        assert_eq!(presence.remove_offline(now + OFFLINE_DELAY), []);
        presence.remove_socket(PROJECT, MARA, now);
        assert_eq!(presence.remove_offline(now + OFFLINE_DELAY / 2), []);
        assert!(presence.is_agent_available(PROJECT));
        assert_eq!(presence.remove_offline(now + OFFLINE_DELAY), [PROJECT]);
        assert!(!presence.is_online(PROJECT, MARA));
    }

    #[test]
    fn agents_of_other_nodes_are_online_until_the_node_is_silent() {
        let presence = Presence::default();
        let (node, now) = (Uuid::new_v4(), Instant::now());
        let mara = |is_away| {
            vec![AgentPresence {
                project: PROJECT,
                agent: MARA,
                is_away,
            }]
        };
        assert_eq!(presence.report_node(node, mara(false), now), [PROJECT]);
        assert!(presence.is_agent_available(PROJECT) && presence.is_online(PROJECT, MARA));
        assert_eq!(presence.report_node(node, mara(false), now), []);
        assert_eq!(presence.report_node(node, mara(true), now), [PROJECT]);
        assert!(!presence.is_agent_available(PROJECT) && presence.is_online(PROJECT, MARA));
        assert_eq!(presence.remove_offline(now + NODE_TIMEOUT), []);
        let later = now + NODE_TIMEOUT + Duration::from_secs(1);
        assert_eq!(presence.remove_offline(later), [PROJECT]);
        assert!(!presence.is_online(PROJECT, MARA));
    }

    #[test]
    fn agents_of_a_node_that_has_stopped_stay_online_for_the_delay() {
        let presence = Presence::default();
        let (node, now) = (Uuid::new_v4(), Instant::now());
        let mara = AgentPresence {
            project: PROJECT,
            agent: MARA,
            is_away: false,
        };
        presence.report_node(node, vec![mara], now);
        presence.end_node(node, now);
        assert_eq!(presence.remove_offline(now + OFFLINE_DELAY), []);
        let later = now + OFFLINE_DELAY + Duration::from_secs(1);
        assert_eq!(presence.remove_offline(later), [PROJECT]);
        assert!(!presence.is_online(PROJECT, MARA));
    }

    #[test]
    fn agent_who_comes_back_stays_online() {
        let presence = Presence::default();
        let now = Instant::now();
        presence.add_socket(PROJECT, MARA, false);
        presence.remove_socket(PROJECT, MARA, now);
        assert!(!presence.add_socket(PROJECT, MARA, false), "no change");
        assert_eq!(presence.remove_offline(now + OFFLINE_DELAY), []);
    }
}
