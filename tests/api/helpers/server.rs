//! Starts the application for a test.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::{StreamExt, stream};
use parlor::access::{MemoryBudget, ReplyLinks};
use parlor::answer::AnswerProvider;
use parlor::answer::active_answers::ActiveAnswers;
use parlor::app::AppState;
use parlor::cache_stats::CacheStats;
use parlor::config::Settings;
use parlor::domain::{
    AgentRole, ConversationId, ConversationSeq, Key, KeyKind, Origin, ProjectSeq, ReplyLink,
    SecretToken, Timestamp, VisitorId,
};
use parlor::events::project::ProjectHub;
use parlor::events::{Event, EventHub};
use parlor::listeners::Listeners;
use parlor::server::{self, StopSignal};
use parlor::store::{Store, key, notification, sign_in_link};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{
    Agent, Client, Connection, FakeModel, ProjectFixture, Request, Response, TestDatabase, Visitor,
    create_key, distribute_connections, node_count, open_connection, run_successfully,
    setup_answers, stop_distribution, string, wait_until,
};

/// A running server with a database of its own. Dereferences to a `Client` of
/// the server.
pub struct TestServer {
    client: Client,
    pub settings: Settings,
    demo: bool,
    /// Opened like the store of a second process, to create and revoke keys.
    store: Option<Store>,
    shutdown: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    /// Replaces the configured model.
    model: Option<Arc<dyn AnswerProvider>>,
    /// The answers that the server is generating.
    pub active_answers: Arc<ActiveAnswers>,
    pub list_cache_stats: Arc<CacheStats>,
    /// The memory of requests and responses in flight.
    pub memory: Arc<MemoryBudget>,
    events: EventHub,
    project_events: ProjectHub,
    /// The store of the server.
    server_store: Weak<Store>,
    /// The project that exists from the start.
    pub project: ProjectFixture,
    database: Arc<TestDatabase>,
    directory: Arc<TempDir>,
    /// The other nodes of the server, if the tests run with several (`nodes.rs`).
    others: Vec<TestServer>,
}

/// The time in which each node uses what another one has stored.
const MAX_NODE_DELAY: Duration = Duration::from_secs(3);

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    settings: Settings,
}

/// The settings of a command line.
pub fn parse_settings(arguments: &[&str]) -> Settings {
    Defaults::parse_from([&["test"], arguments].concat()).settings
}

/// The default settings on a free port, with one worker, without rate limits, without the
/// search index, whose writes tests of commits would see, and without a shutdown delay.
pub fn default_settings() -> Settings {
    let mut settings = parse_settings(&["--listen", "127.0.0.1:0"]);
    settings.workers = 1;
    settings.rate_limit = 0;
    settings.search_messages = false;
    settings.shutdown_delay = Some(0);
    settings
}

impl TestServer {
    /// Starts a server with [`default_settings`].
    pub fn start() -> Self {
        Self::start_with(|_| ())
    }

    pub fn start_with(configure: impl FnOnce(&mut Settings)) -> Self {
        Self::launch(configure, false, None)
    }

    /// Starts a server in demo mode.
    pub fn start_demo() -> Self {
        Self::launch(|_| (), true, None)
    }

    /// Starts a server that sends questions to `model`.
    pub fn start_with_model(
        model: Arc<dyn AnswerProvider>,
        configure: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::launch(configure, false, Some(model))
    }

    fn launch(
        configure: impl FnOnce(&mut Settings),
        demo: bool,
        model: Option<Arc<dyn AnswerProvider>>,
    ) -> Self {
        let mut settings = default_settings();
        configure(&mut settings);
        let directory = TempDir::new().expect("a directory");
        let database = TestDatabase::create(directory.path());
        let store = database.open_store();
        let mut server = Self {
            client: Client(SocketAddr::from(([127, 0, 0, 1], 0))),
            settings,
            demo,
            project: ProjectFixture::create(&store),
            store: Some(store),
            shutdown: None,
            model,
            active_answers: Arc::default(),
            list_cache_stats: Arc::default(),
            memory: Arc::new(MemoryBudget::new(0)),
            events: EventHub::default(),
            project_events: ProjectHub::default(),
            server_store: Weak::new(),
            database: Arc::new(database),
            directory: Arc::new(directory),
            others: Vec::new(),
        };
        server.run_nodes();
        server
    }

    /// Starts another server on the database, which several servers can use if it is on
    /// PostgreSQL.
    pub fn start_node(&self) -> Self {
        let mut node = self.new_node();
        node.store = Some(self.database.open_store());
        node.run();
        node
    }

    /// A node of the same database that does not run yet.
    fn new_node(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            store: None,
            shutdown: None,
            model: self.model.clone(),
            active_answers: Arc::default(),
            list_cache_stats: Arc::default(),
            memory: self.memory.clone(),
            events: EventHub::default(),
            project_events: ProjectHub::default(),
            server_store: Weak::new(),
            project: self.project.clone(),
            database: self.database.clone(),
            directory: self.directory.clone(),
            client: self.client,
            demo: self.demo,
            others: Vec::new(),
        }
    }

    /// Starts all nodes of the server.
    fn run_nodes(&mut self) {
        self.run();
        self.others = (1..node_count()).map(|_| self.new_node()).collect();
        for node in &mut self.others {
            node.settings.listen.set_port(0);
            node.settings.metrics_listen = None;
            node.run();
        }
        if !self.others.is_empty() {
            distribute_connections(self.nodes().map(|node| node.client.0).collect());
        }
    }

    fn run(&mut self) {
        let listeners = Listeners::bind(&self.settings).expect("a port");
        self.client = Client(listeners.address().expect("an address"));
        let mut app = AppState::open(&self.database.location(), self.settings.clone(), self.demo)
            .expect("an app");
        if self.model.is_some() {
            app.services.answer_providers.model = self.model.clone();
        }
        self.active_answers = app.services.active_answers.clone();
        self.list_cache_stats = app.list_cache_stats.clone();
        self.memory = app.memory.clone();
        self.events = app.services.events.clone();
        self.project_events = app.services.project_events.clone();
        self.server_store = Arc::downgrade(&app.store);
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let signals = stream::once(stopped).map(|_| StopSignal::Terminate);
            let result =
                actix_web::rt::System::new().block_on(server::run(app, listeners, signals, || ()));
            result.expect("a regular shutdown");
        });
        self.shutdown = Some((stop, thread));
    }

    /// Stops the server as SIGTERM does and closes the database.
    pub fn stop(&mut self) {
        self.store = None;
        let mut others = std::mem::take(&mut self.others);
        if !others.is_empty() {
            stop_distribution(self.client.0);
        }
        let nodes = std::iter::once(&mut *self).chain(&mut others);
        let threads: Vec<_> = nodes.filter_map(Self::begin_stop).collect();
        for thread in threads {
            let result = thread.join();
            assert!(thread::panicking() || result.is_ok(), "the server panicked");
        }
    }

    /// Lets the node stop. Returns its thread if it was running.
    fn begin_stop(&mut self) -> Option<JoinHandle<()>> {
        let (stop, thread) = self.shutdown.take()?;
        let _ = stop.send(());
        Some(thread)
    }

    /// Stops the server and starts another one with the same database.
    pub fn restart(&mut self) {
        self.stop();
        self.store = Some(self.database.open_store());
        self.run_nodes();
    }

    /// The nodes of the server, the first one first.
    pub fn nodes(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// The path of the database file. A test that needs the file begins with `sqlite_only!`.
    pub fn db_path(&self) -> PathBuf {
        let location = self.database.location();
        location
            .file()
            .expect("a file; the test needs sqlite_only!")
            .to_owned()
    }

    /// Opens a new connection to the database.
    pub fn db_connection(&self) -> Connection {
        self.database.connect()
    }

    /// Opens a new connection to the database file, for statements that only SQLite has.
    /// The test begins with `sqlite_only!`.
    pub fn sqlite_connection(&self) -> rusqlite::Connection {
        open_connection(&self.db_path())
    }

    /// The folder in which commands run.
    pub fn folder(&self) -> &Path {
        self.directory.path()
    }

    /// The arguments of a command that uses the database.
    pub fn arguments<'a>(&self, arguments: &[&'a str]) -> Vec<&'a str> {
        let database = self.database.arguments().map(|argument| &*argument.leak());
        [arguments, &database].concat()
    }

    /// Runs a command that uses the database and must succeed.
    #[track_caller]
    pub fn run_successfully(&self, arguments: &[&str]) -> String {
        run_successfully(self.folder(), &self.arguments(arguments))
    }

    /// Runs a query whose result is one value.
    #[track_caller]
    pub fn query_value<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let value = self.db_connection().query_row(sql, (), |row| row.get(0));
        value.expect("a value")
    }

    /// The events that the server publishes to WebSockets.
    pub fn events(&self) -> &EventHub {
        &self.events
    }

    /// The events that the server publishes to agents and private keys.
    pub fn project_events(&self) -> &ProjectHub {
        &self.project_events
    }

    /// The store of the server, which the server closes when it stops.
    pub fn shared_store(&self) -> Weak<Store> {
        self.server_store.clone()
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("a running server")
    }

    // ── Fixtures ──

    /// Creates one more project, with keys.
    pub fn create_project(&self) -> ProjectFixture {
        ProjectFixture::create(self.store())
    }

    /// Creates a publishable key of the first project, restricted to `origins`.
    pub fn create_publishable_key(&self, origins: &[&str]) -> String {
        let origins = origins.iter().map(|url| Origin::parse(url));
        let origins: Vec<_> = origins.collect::<Result<_, _>>().expect("origins");
        let kind = KeyKind::Publishable;
        create_key(self.store(), self.project.seq, kind, &origins)
    }

    pub fn revoke_key(&self, text: &str) {
        let hash = Key::from_text(text).hash();
        let found = self
            .store()
            .read_blocking(|snapshot| key::find(snapshot, hash));
        let id = found.expect("a read").expect("a key").id;
        let revoke = key::revoke(id, Timestamp::now());
        self.store().write_blocking(revoke).expect("a stored key");
    }

    /// Creates an account in the first project and signs in.
    pub fn create_agent(&self, name: &str, role: AgentRole) -> Agent {
        Agent::create(self.store(), &self.project, name, role)
    }

    /// The same in another project.
    pub fn create_agent_in(&self, project: &ProjectFixture, name: &str, role: AgentRole) -> Agent {
        Agent::create(self.store(), project, name, role)
    }

    /// Creates an account with a password in the first project and signs in.
    pub fn create_agent_with_password(&self, name: &str, role: AgentRole, password: &str) -> Agent {
        Agent::create_with(self.store(), &self.project, name, role, Some(password))
    }

    /// Creates a set-up link of the first project and returns its token.
    pub fn create_setup_link(&self) -> String {
        let token = SecretToken::generate().expect("random bytes");
        let (now, project) = (Timestamp::now(), self.project.seq);
        let expires_at = now.plus(Duration::from_secs(60 * 60));
        let link = sign_in_link::create_setup(token.hash(), project, now, expires_at);
        self.store().write_blocking(link).expect("a link");
        token.reveal().to_owned()
    }

    /// Lets a conversation wait for an agent from now on.
    pub fn let_wait(&self, conversation: &str) {
        let id = ConversationId::parse(conversation).expect("an id").0;
        let (connection, at) = (self.db_connection(), Timestamp::now());
        let sql = "UPDATE conversation SET waiting_since = ?, waiting_reason = 'requested' \
                    WHERE id = ? RETURNING seq";
        let row = (at.0, id.as_bytes());
        let seq = connection.query_row(sql, row, |row| row.get(0));
        let seq = ConversationSeq(seq.expect("a conversation"));
        let enqueue = notification::enqueue_waiting(seq, true, at);
        self.store().write_blocking(enqueue).expect("a write");
    }

    /// Lets a conversation of a new visitor wait, and returns its id.
    pub fn let_wait_new(&self, device: &str) -> String {
        let conversation = self.start_conversation(&self.create_visitor(device));
        self.let_wait(&conversation);
        conversation
    }

    /// Stores the e-mail address of a visitor.
    pub fn set_contact(&self, visitor: &Visitor, email: &str) {
        let id = VisitorId::parse(&visitor.id).expect("an id").0;
        let sql = "UPDATE visitor SET email = ? WHERE id = ?";
        let changed = self.db_connection().execute(sql, (email, id.as_bytes()));
        assert_eq!(changed.expect("a change"), 1);
    }

    /// The token of a link in an e-mail with replies.
    pub fn reply_link_token(&self, visitor: &Visitor, conversation: &str) -> String {
        let link = ReplyLink {
            project: self.project.id,
            visitor: VisitorId::parse(&visitor.id).expect("an id"),
            conversation: ConversationId::parse(conversation).expect("an id"),
        };
        self.reply_links()
            .issue(link, Timestamp::now().plus(Duration::from_secs(60)))
    }

    /// Signs tokens of links with the secret of the file.
    pub fn reply_links(&self) -> ReplyLinks {
        let secret: Vec<u8> = self.query_value("SELECT value FROM secret WHERE name = 'session'");
        ReplyLinks::new(&secret)
    }

    /// Creates a visitor of the first project.
    pub fn create_visitor(&self, device: &str) -> Visitor {
        self.create_visitor_in(&self.project, device)
    }

    pub fn create_visitor_in(&self, project: &ProjectFixture, device: &str) -> Visitor {
        Visitor::from_json(&self.init_session(&project.publishable_key, device).json())
    }

    // ── Requests ──

    pub fn init_session(&self, api_key: &str, device: &str) -> Response {
        self.post("/v2/identity/init")
            .json(json!({ "apiKey": api_key, "saVid": device }))
            .send()
    }

    /// Starts a conversation and returns its id.
    pub fn start_conversation(&self, visitor: &Visitor) -> String {
        let response = self.post("/v2/conversations").bearer(&visitor.token);
        string(&response.send().expect(201)["id"])
    }

    /// A request that sends a message and gets the answer as one JSON body.
    pub fn post_message(&self, visitor: &Visitor, conversation: &str, content: &str) -> Request {
        self.post(format!("/v2/conversations/{conversation}/messages"))
            .bearer(&visitor.token)
            .json(json!({ "content": content }))
    }

    /// A request that sends a message and gets the answer as a stream.
    pub fn post_streaming_message(
        &self,
        visitor: &Visitor,
        conversation: &str,
        content: &str,
    ) -> Request {
        self.post(format!("/v2/conversations/{conversation}/messages"))
            .bearer(&visitor.token)
            .json(json!({ "content": content, "stream": true }))
    }

    /// A conversation with its messages, as a visitor sees it.
    #[track_caller]
    /// Marks all answers of a conversation as refusals. The assistant marks some itself.
    pub fn add_refusals(&self, conversation: &str) {
        let insert =
            "INSERT INTO answer_refusal (message_seq, question_seq, project_seq, created_at)
            SELECT m.seq, (SELECT max(seq) FROM message AS q WHERE q.seq < m.seq
                              AND q.conversation_seq = c.seq AND q.role = 'user'),
                   c.project_seq, m.created_at
              FROM conversation AS c JOIN message AS m ON m.conversation_seq = c.seq
             WHERE c.id = ? AND m.role = 'assistant'
            ON CONFLICT DO NOTHING";
        let id = parlor::domain::ConversationId::parse(conversation).expect("a UUID");
        let database = self.db_connection();
        database.execute(insert, [id.0]).expect("refusals");
    }

    pub fn get_conversation(&self, visitor: &Visitor, id: &str) -> Value {
        self.get_conversation_for(&visitor.token, id)
    }

    /// A conversation with its messages, as a caller sees it.
    #[track_caller]
    pub fn get_conversation_for(&self, credential: &str, id: &str) -> Value {
        let get = self.get(format!("/v2/conversations/{id}"));
        get.bearer(credential).send().expect(200)
    }

    /// Role, status and text of each message that a visitor sees.
    #[track_caller]
    pub fn transcript(&self, visitor: &Visitor, id: &str) -> Vec<[String; 3]> {
        self.transcript_for(&visitor.token, id)
    }

    /// Role, status and text of each message that a caller sees.
    #[track_caller]
    pub fn transcript_for(&self, credential: &str, id: &str) -> Vec<[String; 3]> {
        let conversation = self.get_conversation_for(credential, id);
        let messages = conversation["messages"].as_array().expect("messages");
        let transcript = messages.iter().map(|message| {
            let text = string(&message["parts"][0]["text"]);
            [string(&message["role"]), string(&message["status"]), text]
        });
        transcript.collect()
    }

    /// A request with which the agent Mara takes over a conversation.
    pub fn take_over(&self, conversation: &str) -> Request {
        self.request("PUT", format!("/v2/conversations/{conversation}/agent"))
            .bearer(&self.project.private_key)
            .json(json!({ "name": "Mara" }))
    }

    /// A request with which an agent hands a conversation back to the assistant.
    pub fn hand_back(&self, conversation: &str) -> Request {
        let target = format!("/v2/conversations/{conversation}/agent");
        self.request("DELETE", target)
            .bearer(&self.project.private_key)
    }

    /// A request with which an agent replies.
    pub fn reply(&self, conversation: &str, content: &str) -> Request {
        self.post(format!("/v2/conversations/{conversation}/replies"))
            .bearer(&self.project.private_key)
            .json(json!({ "content": content }))
    }

    /// A request that closes a conversation.
    pub fn close(&self, credential: &str, conversation: &str) -> Request {
        self.post(format!("/v2/conversations/{conversation}/close"))
            .bearer(credential)
    }

    /// Waits until the server generates no answer.
    #[track_caller]
    pub fn wait_for_answers(&self) {
        wait_until("no answer is being generated", || self.answer_count() == 0);
    }

    /// Sends a request to each node in turn, which must all respond with `status`: with one
    /// node at once, with several within three seconds, because each node uses credentials
    /// and vectors that it has read within the last second. Returns the last response.
    #[track_caller]
    pub fn expect_on_all_nodes(&self, status: u16, send: impl Fn() -> Response) -> Response {
        let mut responses = Vec::new();
        self.wait_for_all_nodes(|| {
            responses.push(send());
            responses.last().is_some_and(|last| last.status == status)
        });
        let rest = responses.len().saturating_sub(self.nodes().count());
        for response in &responses[rest..] {
            assert_eq!(response.status, status, "{}", response.text());
        }
        responses.pop().expect("a response")
    }

    /// Checks a condition once for each node, in turn. With several nodes, waits until it
    /// holds for all of them, at most three seconds. Whether it holds then is not checked.
    pub fn wait_for_all_nodes(&self, mut holds: impl FnMut() -> bool) {
        let nodes = self.nodes().count();
        let deadline = Instant::now() + MAX_NODE_DELAY;
        let mut count = 0;
        while count < nodes && (nodes == 1 || Instant::now() < deadline) {
            count = if holds() || nodes == 1 { count + 1 } else { 0 };
        }
    }

    /// Waits until the text so far of the newest answer is stored, if another node may end
    /// the answer, which then has the stored text.
    #[track_caller]
    pub fn wait_for_stored_text(&self, conversation: &str, text: &str) {
        if self.others.is_empty() {
            return;
        }
        wait_until("the text is stored", || {
            let transcript = self.transcript_for(&self.project.private_key, conversation);
            transcript
                .last()
                .is_some_and(|[_, _, stored]| stored == text)
        });
    }

    /// Whether a URL is that of a path on one of the nodes. Without `--public-url`, each node
    /// knows its own address.
    pub fn is_own_url(&self, url: &str, path: &str) -> bool {
        self.nodes()
            .any(|node| url == format!("http://{}{path}", node.client.0))
    }

    /// The number of lists that the caches of the nodes have returned.
    pub fn list_cache_hits(&self) -> u64 {
        self.nodes().map(|node| node.list_cache_stats.hits()).sum()
    }

    /// The number of answers that the nodes are generating.
    pub fn answer_count(&self) -> usize {
        self.nodes().map(|node| node.active_answers.count()).sum()
    }

    /// The number of clients that read answers.
    pub fn reader_count(&self) -> usize {
        let counts = self.nodes().map(|node| node.active_answers.reader_count());
        counts.sum()
    }

    /// The bytes that the nodes charge for requests and responses in flight.
    pub fn memory_used(&self) -> usize {
        self.nodes().map(|node| node.memory.used()).sum()
    }

    /// The number of WebSockets of conversations.
    pub fn subscriber_count(&self) -> usize {
        self.nodes()
            .map(|node| node.events.subscriber_count())
            .sum()
    }

    /// The number of WebSockets of projects.
    pub fn project_subscriber_count(&self) -> usize {
        let counts = self
            .nodes()
            .map(|node| node.project_events.subscriber_count());
        counts.sum()
    }

    /// Publishes an event of a conversation to the WebSockets of all nodes.
    pub fn publish(&self, project: ProjectSeq, id: ConversationId, event: &Event) {
        for node in self.nodes() {
            node.events.publish(project, id, event);
        }
    }

    /// A page of conversations. Panics unless the status is 200.
    #[track_caller]
    pub fn list(&self, credential: &str, query: &str) -> Value {
        self.get_list(credential, query).expect(200)
    }

    /// The response of `GET /v2/conversations`.
    pub fn get_list(&self, credential: &str, query: &str) -> Response {
        let target = format!("/v2/conversations?{query}");
        self.get(target).bearer(credential).send()
    }
}

impl Deref for TestServer {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A server, the visitor Ann and a conversation of hers.
pub fn setup_conversation() -> (TestServer, Visitor, String) {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    (server, ann, id)
}

/// A server with a fake model, the visitor Ann and a conversation of hers.
pub fn setup_model_conversation() -> (Arc<FakeModel>, TestServer, Visitor, String) {
    let fixture = setup_answers();
    (fixture.model, fixture.server, fixture.ann, fixture.id)
}

/// A server with a fake model.
pub fn setup_model() -> (Arc<FakeModel>, TestServer) {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    (model, server)
}
