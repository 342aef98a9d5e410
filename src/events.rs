//! Live events: what happens in a conversation, told to whoever listens.
//!
//! An event is written as JSON once, and every listener gets the same bytes. A
//! listener that does not keep up is let go, so that it costs neither memory
//! nor the others' time; whoever it speaks for comes again and reads what it
//! missed.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::domain::{ConversationId, ProjectSeq};

/// Something that happened (section 6 of the contract).
#[derive(Debug, Clone)]
pub enum Event {
    /// A visitor or a person of the house wrote: the message as JSON.
    NewMessage(Vec<u8>),
    /// A person of the house took the conversation over.
    HumanAssigned,
}

impl Event {
    /// What a listener is sent: JSON.
    fn wire(&self, conversation: ConversationId) -> Wire {
        let head = |kind| format!(r#"{{"type":"{kind}","chatId":"{conversation}""#);
        match self {
            Event::NewMessage(message) => {
                let head = head("new_message");
                [head.as_bytes(), br#","message":"#, message, b"}"].concat()
            }
            Event::HumanAssigned => (head("human_assigned") + "}").into_bytes(),
        }
        .into()
    }
}

/// An event as it is sent, shared by all who are sent it.
pub type Wire = Bytes;

/// Events that may wait for one listener.
pub const WAITING: usize = 64;

/// Who listens to what. A clone is the same hub.
#[derive(Debug, Clone, Default)]
pub struct Hub(Arc<RwLock<Ears>>);

type Topic = (ProjectSeq, ConversationId);

#[derive(Debug, Default)]
struct Ears {
    /// No entry is empty.
    listening: HashMap<Topic, Vec<Ear>>,
    /// The number of the next listener.
    next: u64,
    /// Nobody is told anything any more.
    closed: bool,
}

#[derive(Debug)]
struct Ear {
    number: u64,
    queue: Sender<Wire>,
}

impl Hub {
    /// Tells everyone who listens to the conversation. Called after the commit.
    pub fn publish(&self, project: ProjectSeq, conversation: ConversationId, event: &Event) {
        let topic = (project, conversation);
        if !self.read().listening.contains_key(&topic) {
            return;
        }
        let wire = event.wire(conversation);
        // Alone, so that all listeners hear the same order, whoever publishes.
        self.write().tell(topic, &wire);
    }

    /// Listens to a conversation, from now until the listener is dropped.
    pub fn listen(&self, project: ProjectSeq, conversation: ConversationId) -> Listener {
        let topic = (project, conversation);
        let (queue, waiting) = mpsc::channel(WAITING);
        let mut ears = self.write();
        let number = ears.next;
        ears.next += 1;
        if !ears.closed {
            let ear = Ear { number, queue };
            ears.listening.entry(topic).or_default().push(ear);
        }
        Listener {
            hub: self.clone(),
            topic,
            number,
            waiting,
        }
    }

    /// Ends every listener, and each that comes later.
    pub fn close(&self) {
        let mut ears = self.write();
        ears.closed = true;
        ears.listening = HashMap::new();
    }

    /// Whether [`Hub::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.read().closed
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.read().listening.values().map(Vec::len).sum()
    }

    // What is behind the lock is whole at every moment, so that a panic in
    // another thread is no reason to stop.

    fn read(&self) -> RwLockReadGuard<'_, Ears> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Ears> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ears {
    /// Puts an event into each queue; who has no room for it is let go.
    fn tell(&mut self, topic: Topic, wire: &Wire) {
        self.keep(topic, |ear| ear.queue.try_send(wire.clone()).is_ok());
    }

    fn keep(&mut self, topic: Topic, keep: impl FnMut(&Ear) -> bool) {
        let Some(ears) = self.listening.get_mut(&topic) else {
            return;
        };
        ears.retain(keep);
        if ears.is_empty() {
            self.listening.remove(&topic);
        }
    }
}

/// One who listens to a conversation. Dropping it ends that.
#[derive(Debug)]
pub struct Listener {
    hub: Hub,
    topic: Topic,
    number: u64,
    waiting: Receiver<Wire>,
}

impl Listener {
    /// The next event; `None` when the hub is closed, or let this one go
    /// because it was too slow. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Wire> {
        self.waiting.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let number = self.number;
        self.hub
            .write()
            .keep(self.topic, |ear| ear.number != number);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use futures_util::FutureExt;
    use serde_json::{Value, json};

    use super::*;

    const PROJECT: ProjectSeq = ProjectSeq(1);

    fn message(number: usize) -> Event {
        Event::NewMessage(json!({ "number": number }).to_string().into_bytes())
    }

    /// What waits for the listener at this moment, and whether it was let go.
    fn heard(listener: &mut Listener) -> (Vec<Value>, bool) {
        let mut all = Vec::new();
        loop {
            match listener.next().now_or_never() {
                Some(Some(wire)) => all.push(serde_json::from_slice(&wire).expect("JSON")),
                Some(None) => return (all, true),
                None => return (all, false),
            }
        }
    }

    fn numbers(heard: &[Value]) -> Vec<usize> {
        let number = |event: &Value| event["message"]["number"].as_u64();
        let numbers = heard.iter().map(|event| number(event).expect("a number"));
        numbers.map(|number| number as usize).collect()
    }

    #[test]
    fn events_have_the_form_that_clients_read() {
        let (hub, id) = (Hub::default(), ConversationId::generate());
        let mut listener = hub.listen(PROJECT, id);
        hub.publish(PROJECT, id, &message(7));
        hub.publish(PROJECT, id, &Event::HumanAssigned);
        let expected = vec![
            json!({ "type": "new_message", "chatId": id, "message": { "number": 7 } }),
            json!({ "type": "human_assigned", "chatId": id }),
        ];
        assert_eq!(heard(&mut listener), (expected, false));
    }

    #[test]
    fn listeners_share_one_text() {
        let (hub, id) = (Hub::default(), ConversationId::generate());
        let mut both = [hub.listen(PROJECT, id), hub.listen(PROJECT, id)];
        hub.publish(PROJECT, id, &message(1));
        let [one, two] = both
            .each_mut()
            .map(|listener| listener.next().now_or_never().flatten().expect("an event"));
        assert_eq!(one.as_ptr(), two.as_ptr());
    }

    #[test]
    fn another_conversation_and_another_project_hear_nothing() {
        let (hub, id) = (Hub::default(), ConversationId::generate());
        let mut others = [
            hub.listen(PROJECT, ConversationId::generate()),
            hub.listen(ProjectSeq(2), id),
        ];
        hub.publish(PROJECT, id, &message(1));
        for listener in &mut others {
            assert_eq!(heard(listener), (vec![], false));
        }
    }

    #[test]
    fn one_that_is_too_slow_is_let_go_and_the_others_hear_on() {
        let (hub, id) = (Hub::default(), ConversationId::generate());
        let mut slow = hub.listen(PROJECT, id);
        let mut quick = hub.listen(PROJECT, id);
        for number in 0..=WAITING {
            hub.publish(PROJECT, id, &message(number));
            assert_eq!(numbers(&heard(&mut quick).0), [number]);
        }
        assert_eq!(hub.listeners(), 1);
        let (events, ended) = heard(&mut slow);
        assert_eq!(numbers(&events), (0..WAITING).collect::<Vec<_>>());
        assert!(ended);
        // Its end takes nobody else's place.
        drop(slow);
        assert_eq!(hub.listeners(), 1);
    }

    #[test]
    fn nothing_is_left_of_listeners_that_ended() {
        let (hub, id) = (Hub::default(), ConversationId::generate());
        let [one, two] = [hub.listen(PROJECT, id), hub.listen(PROJECT, id)];
        assert_eq!(hub.listeners(), 2);
        drop(one);
        assert_eq!(hub.listeners(), 1);
        drop(two);
        assert!(hub.read().listening.is_empty());
    }

    #[test]
    fn closing_ends_those_who_listen_and_those_who_come_later() {
        let (hub, id) = (Hub::default(), ConversationId::generate());
        let mut early = hub.listen(PROJECT, id);
        hub.publish(PROJECT, id, &message(1));
        hub.close();
        let mut late = hub.listen(PROJECT, id);
        hub.publish(PROJECT, id, &message(2));
        let (events, ended) = heard(&mut early);
        assert_eq!((numbers(&events), ended), (vec![1], true));
        assert_eq!(heard(&mut late), (vec![], true));
        assert_eq!(hub.listeners(), 0);
    }

    #[test]
    fn many_threads_publish_and_all_listeners_hear_one_order() {
        let (hub, id) = (Hub::default(), ConversationId::generate());
        let mut listeners = [0; 4].map(|_| hub.listen(PROJECT, id));
        thread::scope(|scope| {
            for thread in 0..4 {
                let hub = &hub;
                scope.spawn(move || {
                    for step in 0..WAITING / 4 {
                        drop(hub.listen(PROJECT, id));
                        hub.publish(PROJECT, id, &message(thread * 100 + step));
                    }
                });
            }
        });
        let orders = listeners.each_mut().map(|one| numbers(&heard(one).0));
        assert_eq!(orders[0].len(), WAITING);
        assert!(orders.iter().all(|order| *order == orders[0]));
        drop(listeners);
        assert_eq!(hub.listeners(), 0);
    }
}
