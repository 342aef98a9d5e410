//! A server of a test's own, and what to put into its file.

use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use clap::Parser;
use parlor::answer::AnswerProvider;
use parlor::answer::active_answers::ActiveAnswers;
use parlor::app::AppState;
use parlor::config::Settings;
use parlor::domain::{
    AssistantId, Key, KeyId, KeyKind, Origin, ProjectId, ProjectSeq, Timestamp, VisitorId,
    title_key,
};
use parlor::events::EventHub;
use parlor::store::key::{self, NewKey};
use parlor::store::{Options, Store, project};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::wire::{Answer, Client, Request};

/// A running server over a file that is removed with it.
pub struct Parlor {
    client: Client,
    pub settings: Settings,
    demo: bool,
    /// What another process would use: keys are made and revoked through it.
    store: Option<Store>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    /// Takes the model's place.
    model: Option<Arc<dyn AnswerProvider>>,
    /// The answers that are being written.
    pub answers: Arc<ActiveAnswers>,
    /// Of the server that runs, or ran last.
    events: EventHub,
    /// The project that is there from the start.
    pub site: Site,
    folder: TempDir,
}

/// A project and a key of each kind.
#[derive(Debug, Clone)]
pub struct Site {
    pub project: ProjectSeq,
    pub id: ProjectId,
    pub publishable: String,
    pub private: String,
}

/// A visitor with a session.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub token: String,
    pub id: String,
}

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    settings: Settings,
}

impl Parlor {
    /// With the default settings, save that nothing is rate limited.
    pub fn start() -> Self {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::new(change, false, None)
    }

    /// A server that thinks it is the demo.
    pub fn demo() -> Self {
        Self::new(|_| (), true, None)
    }

    /// A server whose model is this one.
    pub fn with_model(model: Arc<dyn AnswerProvider>, change: impl FnOnce(&mut Settings)) -> Self {
        Self::new(change, false, Some(model))
    }

    fn new(
        change: impl FnOnce(&mut Settings),
        demo: bool,
        model: Option<Arc<dyn AnswerProvider>>,
    ) -> Self {
        let mut settings = Defaults::parse_from(["test"]).settings;
        settings.workers = 1;
        settings.rate_limit = 0;
        change(&mut settings);
        let folder = TempDir::new().expect("a folder");
        let store = open(&folder.path().join("parlor.db"));
        let site = site(&store);
        let mut parlor = Self {
            client: Client(SocketAddr::from(([127, 0, 0, 1], 0))),
            settings,
            demo,
            store: Some(store),
            running: None,
            model,
            answers: Arc::default(),
            events: EventHub::default(),
            site,
            folder,
        };
        parlor.run();
        parlor
    }

    fn run(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        self.client = Client(listener.local_addr().expect("an address"));
        let mut app =
            AppState::open(&self.file(), self.settings.clone(), self.demo).expect("an app");
        if self.model.is_some() {
            app.answer_providers.model = self.model.clone();
        }
        self.answers = app.active_answers.clone();
        self.events = app.events.clone();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let stopped = async {
                let _ = stopped.await;
            };
            let served = actix_web::rt::System::new().block_on(app.serve(listener, stopped));
            served.expect("served to the end");
        });
        self.running = Some((stop, thread));
    }

    /// Lets the server end as SIGTERM does, and every hold on the file with it.
    pub fn stop(&mut self) {
        self.store = None;
        let Some((stop, thread)) = self.running.take() else {
            return;
        };
        let _ = stop.send(());
        let ended = thread.join();
        assert!(thread::panicking() || ended.is_ok(), "the server panicked");
    }

    /// The same file in a new server.
    pub fn restart(&mut self) {
        self.stop();
        self.store = Some(open(&self.file()));
        self.run();
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("parlor.db")
    }

    /// A connection of one's own to the file.
    pub fn sql(&self) -> Connection {
        connect(&self.file())
    }

    /// Where what happens is told.
    pub fn events(&self) -> &EventHub {
        &self.events
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("a server that runs")
    }

    /// A second project, with keys.
    pub fn another_site(&self) -> Site {
        site(self.store())
    }

    /// A publishable key of the first project, for these websites alone.
    pub fn key_for(&self, origins: &[&str]) -> String {
        let origins = origins.iter().map(|url| Origin::parse(url));
        let origins: Vec<_> = origins.collect::<Result<_, _>>().expect("websites");
        make_key(
            self.store(),
            self.site.project,
            KeyKind::Publishable,
            &origins,
        )
    }

    pub fn revoke(&self, text: &str) {
        let hash = Key::received(text).hash();
        let found = self.store().read_here(|snapshot| key::find(snapshot, hash));
        let id = found.expect("a read").expect("a key").id;
        let outcome = self.store().write_here(key::revoke(id, Timestamp::now()));
        assert!(parlor::store::any_change(&outcome.expect("a write")));
    }

    pub fn init(&self, api_key: &str, device: &str) -> Answer {
        self.post("/v2/identity/init")
            .json(json!({ "apiKey": api_key, "saVid": device }))
            .send()
    }

    /// A visitor of the first project.
    pub fn visitor(&self, device: &str) -> Visitor {
        self.visitor_of(&self.site, device)
    }

    pub fn visitor_of(&self, site: &Site, device: &str) -> Visitor {
        Visitor::of(&self.init(&site.publishable, device).json())
    }

    /// Starts a conversation over the API; its id.
    pub fn started(&self, visitor: &Visitor) -> String {
        let answer = self.post("/v2/conversations").bearer(&visitor.token);
        string(&answer.send().expect(201)["id"])
    }

    /// Sends a message and does not wait for a stream.
    pub fn say(&self, visitor: &Visitor, conversation: &str, content: &str) -> Request {
        self.post(format!("/v2/conversations/{conversation}/messages"))
            .bearer(&visitor.token)
            .json(json!({ "content": content }))
    }

    /// Sends a message whose answer comes as a stream.
    pub fn ask(&self, visitor: &Visitor, conversation: &str, content: &str) -> Request {
        self.post(format!("/v2/conversations/{conversation}/messages"))
            .bearer(&visitor.token)
            .json(json!({ "content": content, "stream": true }))
    }

    /// A conversation with its messages.
    #[track_caller]
    pub fn conversation(&self, visitor: &Visitor, id: &str) -> Value {
        let get = self.get(format!("/v2/conversations/{id}"));
        get.bearer(&visitor.token).send().expect(200)
    }

    /// Role, status and text of each message of a conversation.
    #[track_caller]
    pub fn said(&self, visitor: &Visitor, id: &str) -> Vec<[String; 3]> {
        let whole = self.conversation(visitor, id);
        let messages = whole["messages"].as_array().expect("messages").clone();
        let said = messages.iter().map(|message| {
            let text = string(&message["parts"][0]["text"]);
            [string(&message["role"]), string(&message["status"]), text]
        });
        said.collect()
    }

    pub fn take_over(&self, conversation: &str) -> Request {
        self.request("PUT", format!("/v2/conversations/{conversation}/agent"))
            .bearer(&self.site.private)
            .json(json!({ "name": "Mara" }))
    }

    /// Waits until no answer is being written any more.
    #[track_caller]
    pub fn until_quiet(&self) {
        until("no answer is being written", || self.answers.count() == 0);
    }

    /// A page, which must be there.
    #[track_caller]
    pub fn list(&self, credential: &str, query: &str) -> Value {
        let target = format!("/v2/conversations?{query}");
        self.get(target).bearer(credential).send().expect(200)
    }
}

impl Deref for Parlor {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Parlor {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Visitor {
    pub fn of(begun: &Value) -> Self {
        Self {
            token: string(&begun["sessionToken"]),
            id: string(&begun["visitor"]["id"]),
        }
    }

    /// The visitor's row.
    pub fn seq(&self, connection: &Connection) -> i64 {
        let id = VisitorId::parse(&self.id).expect("a UUID");
        connection
            .query_row("SELECT seq FROM visitor WHERE id = ?", [id.0], |row| {
                row.get(0)
            })
            .expect("a visitor")
    }
}

pub fn open(path: &std::path::Path) -> Store {
    let options = Options {
        readers: 1,
        ..Options::default()
    };
    Store::open(path, &options).expect("a file")
}

pub fn connect(path: &std::path::Path) -> Connection {
    let connection = Connection::open(path).expect("a connection");
    connection
        .busy_timeout(std::time::Duration::from_secs(10))
        .expect("a timeout");
    connection
}

fn site(store: &Store) -> Site {
    let taken = |seq| {
        store
            .read_here(move |snapshot| project::read(snapshot, seq))
            .is_ok()
    };
    let mut project = ProjectSeq::FIRST;
    while taken(project) {
        project = ProjectSeq(project.0 + 1);
    }
    let id = ProjectId::generate();
    let made = project::create(
        project,
        id,
        AssistantId::generate(),
        "Tern & Co.",
        Timestamp(1_700_000_000_000),
    );
    store.write_here(made).expect("a project");
    Site {
        project,
        id,
        publishable: make_key(store, project, KeyKind::Publishable, &[]),
        private: make_key(store, project, KeyKind::Private, &[]),
    }
}

fn make_key(store: &Store, project: ProjectSeq, kind: KeyKind, origins: &[Origin]) -> String {
    let key = Key::generate(kind).expect("random bytes");
    let new = NewKey {
        id: KeyId::generate(),
        project,
        key: &key,
        kind,
        name: "test",
        origins,
        assistant: None,
        at: Timestamp::now(),
    };
    store.write_here(new.create()).expect("a key");
    key.reveal().to_owned()
}

/// A conversation with whatever fields a test wants, to be put into the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub id: Uuid,
    pub created_at: i64,
    pub updated_at: i64,
    pub last_interaction_at: i64,
    pub closed_at: Option<i64>,
    pub close_reason: Option<&'static str>,
    pub is_human_handled: bool,
    pub agent: Option<(Option<&'static str>, Option<&'static str>)>,
    pub title: Option<String>,
}

/// 2024-01-15T10:30:00.000Z, the moment of the documented example.
pub const MOMENT: i64 = 1_705_314_600_000;

impl Default for Stored {
    fn default() -> Self {
        Self {
            id: Uuid::now_v7(),
            created_at: MOMENT,
            updated_at: MOMENT,
            last_interaction_at: MOMENT,
            closed_at: None,
            close_reason: None,
            is_human_handled: false,
            agent: None,
            title: None,
        }
    }
}

impl Stored {
    pub fn status(&self) -> &'static str {
        match self.closed_at {
            Some(_) => "closed",
            None => "open",
        }
    }

    pub fn insert(&self, connection: &Connection, visitor_seq: i64) {
        let (name, image) = self.agent.unwrap_or_default();
        let inserted = connection.execute(
            "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, \
                 updated_at, last_interaction_at, closed_at, close_reason, is_human_handled, \
                 has_agent, agent_name, agent_image, title, title_key) \
             SELECT ?, project_seq, seq, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? \
               FROM visitor WHERE seq = ?",
            params![
                self.id,
                self.status(),
                self.created_at,
                self.updated_at,
                self.last_interaction_at,
                self.closed_at,
                self.close_reason,
                self.is_human_handled,
                self.agent.is_some(),
                name,
                image,
                self.title,
                self.title.as_deref().map(title_key),
                visitor_seq,
            ],
        );
        assert_eq!(inserted.expect("a row"), 1);
    }
}

/// Puts `count` conversations, a second apart, into a visitor's list.
pub fn fill(parlor: &Parlor, visitor: &Visitor, count: i64) -> Vec<String> {
    let mut connection = parlor.sql();
    let seq = visitor.seq(&connection);
    let transaction = connection.transaction().expect("a transaction");
    let rows = (0..count).map(|index| {
        let stored = Stored {
            last_interaction_at: MOMENT + index * 1000,
            ..Stored::default()
        };
        stored.insert(&transaction, seq);
        stored.id.to_string()
    });
    let ids = rows.collect();
    transaction.commit().expect("a commit");
    ids
}

/// The ids of a page, in its order.
pub fn ids(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("data");
    data.iter().map(|item| string(&item["id"])).collect()
}

/// Waits for something that comes by itself, and fails where it does not.
#[track_caller]
pub fn until(what: &str, mut there: impl FnMut() -> bool) {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !there() {
        assert!(
            std::time::Instant::now() < patience,
            "waited in vain: {what}"
        );
        thread::yield_now();
    }
}

#[track_caller]
pub fn string(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
