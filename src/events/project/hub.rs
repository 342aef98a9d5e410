//! The channels of all projects and their subscribers.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::channel::{Channel, lock};
use super::subscription::{ProjectSubscription, RingPosition};
use super::{ProjectEvent, SharedFrames, Stream};
use crate::domain::{AgentSeq, AgentSessionSeq, KeySeq, ProjectSeq};
use crate::events::Presence;
use crate::store::{Changes, CommitObserver};

/// How long a channel without subscribers collects events, for subscribers that come
/// back.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The maximum number of subscribers of a project, and of those that one agent or one private
/// key has.
pub const MAX_SUBSCRIBERS: usize = 512;
pub const MAX_SUBSCRIBERS_OF_CALLER: usize = 64;

/// A project, or a caller, has too many subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many connections receive the events of the project, or of the agent or key")]
pub struct TooManySubscribers;

/// The live events of all projects. Clones share the channels.
#[derive(Debug, Clone, Default)]
pub struct ProjectHub(Arc<HubState>);

#[derive(Debug, Default)]
struct HubState {
    channels: RwLock<HashMap<ProjectSeq, Arc<Channel>>>,
    /// The number of channels. Without a channel, a commit costs one load.
    channel_count: AtomicUsize,
    subscribers: Mutex<HashMap<u64, Subscriber>>,
    next_id: AtomicU64,
    is_closed: AtomicBool,
    resyncs: AtomicU64,
    presence: Presence,
    shared_frames: SharedFrames,
}

/// A subscriber as the hub knows it.
#[derive(Debug)]
struct Subscriber {
    project: ProjectSeq,
    identity: SubscriberIdentity,
    channel: Arc<Channel>,
    is_revoked: Arc<AtomicBool>,
}

/// Who subscribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriberIdentity {
    /// A server with a private key.
    Key(KeySeq),
    /// An agent who has signed in.
    Agent {
        agent: AgentSeq,
        session: AgentSessionSeq,
        is_away: bool,
    },
}

impl SubscriberIdentity {
    fn key(self) -> Option<KeySeq> {
        match self {
            Self::Key(key) => Some(key),
            Self::Agent { .. } => None,
        }
    }

    fn session(self) -> Option<AgentSessionSeq> {
        match self {
            Self::Key(_) => None,
            Self::Agent { session, .. } => Some(session),
        }
    }

    fn agent(self) -> Option<AgentSeq> {
        match self {
            Self::Key(_) => None,
            Self::Agent { agent, .. } => Some(agent),
        }
    }

    /// Whether both are connections of the same key or the same agent.
    fn is_same_caller(self, other: Self) -> bool {
        (self.key(), self.agent()) == (other.key(), other.agent())
    }
}

impl ProjectHub {
    /// A hub that records the agents among its subscribers in `presence`.
    pub fn new(presence: Presence) -> Self {
        Self(Arc::new(HubState {
            presence,
            ..HubState::default()
        }))
    }

    /// Subscribes to the events of a project until the subscription is dropped. With
    /// `after`, the events after this position follow, if the channel still has all of them.
    /// An agent is online meanwhile.
    ///
    /// # Errors
    /// There are [`MAX_SUBSCRIBERS`] or [`MAX_SUBSCRIBERS_OF_CALLER`].
    pub fn subscribe(
        &self,
        project: ProjectSeq,
        identity: SubscriberIdentity,
        after: Option<(Stream, u64)>,
    ) -> Result<ProjectSubscription, TooManySubscribers> {
        let channel = self.channel(project);
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let is_revoked = Arc::<AtomicBool>::default();
        let subscriber = Subscriber {
            project,
            identity,
            channel: channel.clone(),
            is_revoked: is_revoked.clone(),
        };
        if let Err(error) = self.add_subscriber(id, subscriber) {
            release(&channel);
            return Err(error);
        }
        if let SubscriberIdentity::Agent { agent, is_away, .. } = identity
            && self.0.presence.add_socket(project, agent, is_away)
        {
            channel.push(ProjectEvent::PresenceChanged);
            channel.notify();
        }
        let position = RingPosition::new(&channel, after);
        Ok(ProjectSubscription::new(
            self.clone(),
            project,
            id,
            channel,
            position,
            is_revoked,
        ))
    }

    fn add_subscriber(&self, id: u64, new: Subscriber) -> Result<(), TooManySubscribers> {
        let mut subscribers = lock(&self.0.subscribers);
        let of_project = subscribers
            .values()
            .filter(|one| one.project == new.project);
        let of_caller = of_project
            .clone()
            .filter(|one| one.identity.is_same_caller(new.identity));
        if of_project.count() >= MAX_SUBSCRIBERS || of_caller.count() >= MAX_SUBSCRIBERS_OF_CALLER {
            return Err(TooManySubscribers);
        }
        subscribers.insert(id, new);
        Ok(())
    }

    /// The channel of a project, with one more subscription.
    fn channel(&self, project: ProjectSeq) -> Arc<Channel> {
        let mut channels = self.write();
        let channel = channels
            .entry(project)
            .or_insert_with(|| Arc::new(Channel::new()))
            .clone();
        lock(&channel.state).subscriptions += 1;
        self.0
            .channel_count
            .store(channels.len(), Ordering::Release);
        channel
    }

    /// Ends a subscription. Its subscriber is gone.
    pub(super) fn unsubscribe(&self, project: ProjectSeq, id: u64, channel: &Channel) {
        let removed = lock(&self.0.subscribers).remove(&id);
        if let Some(agent) = removed.and_then(|subscriber| subscriber.identity.agent()) {
            self.0
                .presence
                .remove_socket(project, agent, Instant::now());
        }
        release(channel);
    }

    /// Publishes an event of a project that no commit reports.
    pub fn publish(&self, project: ProjectSeq, event: ProjectEvent) {
        if self.0.channel_count.load(Ordering::Acquire) == 0 {
            return;
        }
        if let Some(channel) = self.read().get(&project) {
            channel.push(event);
            channel.notify();
        }
    }

    /// Removes the channels that have had no subscriber for [`IDLE_TIMEOUT`], and the
    /// agents who have left.
    pub fn sweep(&self, now: Instant) {
        for project in self.0.presence.remove_offline(now) {
            self.publish(project, ProjectEvent::PresenceChanged);
        }
        if self.0.channel_count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut channels = self.write();
        channels.retain(|_, channel| {
            let state = lock(&channel.state);
            let idle_time = now.saturating_duration_since(state.idle_since);
            state.subscriptions > 0 || idle_time < IDLE_TIMEOUT
        });
        self.0
            .channel_count
            .store(channels.len(), Ordering::Release);
    }

    /// The keys of all subscribers.
    pub fn keys(&self) -> Vec<KeySeq> {
        let subscribers = lock(&self.0.subscribers);
        let identities = subscribers.values().map(|entry| entry.identity);
        identities.filter_map(SubscriberIdentity::key).collect()
    }

    /// The sessions of all subscribers.
    pub fn sessions(&self) -> HashSet<AgentSessionSeq> {
        let subscribers = lock(&self.0.subscribers);
        let identities = subscribers.values().map(|entry| entry.identity);
        identities.filter_map(SubscriberIdentity::session).collect()
    }

    /// Ends the subscriptions of these keys.
    pub fn revoke_keys(&self, revoked: &HashSet<KeySeq>) {
        self.revoke(|identity| identity.key().is_some_and(|key| revoked.contains(&key)));
    }

    /// Ends the subscriptions of these sessions.
    pub fn revoke_sessions(&self, revoked: &HashSet<AgentSessionSeq>) {
        self.revoke(|identity| {
            let session = identity.session();
            session.is_some_and(|session| revoked.contains(&session))
        });
    }

    fn revoke(&self, is_revoked: impl Fn(SubscriberIdentity) -> bool) {
        for subscriber in lock(&self.0.subscribers).values() {
            if is_revoked(subscriber.identity) {
                subscriber.is_revoked.store(true, Ordering::Release);
                subscriber.channel.notify();
            }
        }
    }

    /// Ends all subscriptions, including later ones.
    pub fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        for channel in self.read().values() {
            channel.notify();
        }
    }

    /// Whether [`ProjectHub::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Acquire)
    }

    /// The frames that the subscribers of a project share.
    pub fn shared_frames(&self) -> &SharedFrames {
        &self.0.shared_frames
    }

    /// The number of subscribers of all projects.
    pub fn subscriber_count(&self) -> usize {
        lock(&self.0.subscribers).len()
    }

    /// The number of times that a subscriber was told that events are missing.
    pub fn resync_count(&self) -> u64 {
        self.0.resyncs.load(Ordering::Relaxed)
    }

    pub(super) fn count_resync(&self) {
        self.0.resyncs.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<ProjectSeq, Arc<Channel>>> {
        self.0
            .channels
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<ProjectSeq, Arc<Channel>>> {
        self.0
            .channels
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends one of the subscriptions of a channel.
fn release(channel: &Channel) {
    let mut state = lock(&channel.state);
    state.subscriptions -= 1;
    state.idle_since = Instant::now();
}

impl CommitObserver for ProjectHub {
    fn committed(&self, changes: &Changes) {
        if self.0.channel_count.load(Ordering::Acquire) == 0 {
            return;
        }
        let channels = self.read();
        let mut changed: Vec<&Arc<Channel>> = Vec::new();
        for change in &changes.lists {
            let Some(channel) = channels.get(&change.owners().0) else {
                continue;
            };
            ProjectEvent::for_each_of(change, |event| channel.push(event));
            if !changed.iter().any(|other| Arc::ptr_eq(other, channel)) {
                changed.push(channel);
            }
        }
        for agent in &changes.agents {
            let Some(channel) = channels.get(&agent.project) else {
                continue;
            };
            if let Some(is_away) = agent.is_away {
                self.0
                    .presence
                    .set_away(agent.project, agent.agent, is_away);
            } else {
                self.revoke(|identity| identity.agent() == Some(agent.agent));
            }
            channel.push(ProjectEvent::PresenceChanged);
            channel.notify();
        }
        for channel in changed {
            channel.notify();
        }
    }

    fn changed_externally(&self) {
        for channel in self.read().values() {
            channel.push(ProjectEvent::Resync);
            channel.notify();
        }
    }
}
