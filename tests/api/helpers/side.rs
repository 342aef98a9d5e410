//! Two projects in one file, with a row of each kind.

use std::collections::BTreeMap;

use parlor::domain::AgentRole;
use serde_json::{Value, json};

use super::{Agent, ProjectFixture, Request, TestServer, Visitor, string};

/// In all texts of a project, except in what everybody may read.
pub const SECRET: &str = "Zanzibar";
/// The device and the customer that both projects have.
pub const DEVICE: &str = "same-device";
pub const CUSTOMER: &str = "same-customer";

/// A project with one row of each kind.
pub struct Side {
    pub project: ProjectFixture,
    pub visitor: Visitor,
    pub conversation: String,
    pub answer: String,
    /// Unpublished: published ones are public.
    pub qna: String,
    pub document: String,
    pub assistant: String,
    pub owner: Agent,
    /// The ids of what agents use, by the names in paths.
    inbox: BTreeMap<&'static str, String>,
}

impl Side {
    pub fn create(server: &TestServer, project: ProjectFixture, word: &str) -> Self {
        let visitor = server.create_visitor_in(&project, DEVICE);
        let by_key = |request: Request| request.bearer(&project.private_key);
        let import = json!({ "visitor": { "externalId": CUSTOMER } });
        let import = by_key(server.post("/v2/conversations")).json(import);
        import.send().expect(201);
        let conversation = server.start_conversation(&visitor);
        let content = format!("{word} is a word of this project");
        let send = server.post_message(&visitor, &conversation, &content);
        send.send().expect(200);
        let messages = server.get_conversation(&visitor, &conversation);
        let path = format!("/v2/projects/{}", project.id);
        let qna = json!({ "question": content, "answer": content, "published": false });
        let qna = by_key(server.post(format!("{path}/qnas"))).json(qna).send();
        let document =
            json!({ "url": "https://shop.example/", "title": content, "content": content });
        let document = by_key(server.post(format!("{path}/documents"))).json(document);
        let sql = "SELECT lower(hex(id)) FROM assistant WHERE project_seq = ?";
        let assistant = server
            .db_connection()
            .query_row(sql, [project.seq.0], |row| row.get::<_, String>(0));
        let assistant = assistant.expect("an assistant");
        let owner = server.create_agent_in(&project, &format!("{word}-owner"), AgentRole::Owner);
        Self {
            inbox: inbox_ids(server, &project, &conversation, &owner, word),
            owner,
            answer: string(&messages["messages"][1]["id"]),
            qna: string(&qna.expect(201)["id"]),
            document: string(&document.send().expect(201)["id"]),
            assistant: uuid::Uuid::try_parse(&assistant)
                .expect("an id")
                .to_string(),
            project,
            visitor,
            conversation,
        }
    }

    /// The ids of this project that a path can name.
    pub fn id(&self, placeholder: &str) -> String {
        match placeholder {
            "{conversationId}" => self.conversation.clone(),
            "{messageId}" => self.answer.clone(),
            "{projectId}" => self.project.id.to_string(),
            "{qnaId}" => self.qna.clone(),
            "{documentId}" => self.document.clone(),
            "{visitorId}" => self.visitor.id.clone(),
            other => match self.inbox.get(other) {
                Some(id) => id.clone(),
                None => panic!("the test has no id for {other}"),
            },
        }
    }

    pub fn ids(&self) -> Vec<String> {
        let names = [
            "conversation",
            "message",
            "project",
            "qna",
            "document",
            "visitor",
        ];
        let ids = names.map(|name| self.id(&format!("{{{name}Id}}")));
        let inbox = self.inbox.values().cloned();
        ids.into_iter()
            .chain([self.assistant.clone()])
            .chain(inbox)
            .collect()
    }

    pub fn credentials(&self) -> [Option<&str>; 3] {
        let [key, token] = [&self.project.private_key, &self.visitor.token];
        [Some(key), Some(token), None]
    }
}

/// Creates one of each thing that agents use.
fn inbox_ids(
    server: &TestServer,
    project: &ProjectFixture,
    conversation: &str,
    owner: &Agent,
    word: &str,
) -> BTreeMap<&'static str, String> {
    let create = |path: &str, body: Value| {
        let request = server.post(format!("/v2{path}")).json(body);
        string(&request.bearer(&project.private_key).send().expect(201)["id"])
    };
    let notes = format!("/conversations/{conversation}/notes");
    let agent = server.create_agent_in(project, &format!("{word}-agent"), AgentRole::Agent);
    let sessions = server.get("/v2/agents/me/sessions").agent(owner).send();
    let source = parlor::domain::SourceId::generate();
    let sql = "INSERT INTO source (id, project_seq, location, kind, finished_at) \
               VALUES (?1, ?2, 'https://shop.example/' || ?3, 'website', 0)";
    server
        .db_connection()
        .execute(sql, (source.0, project.seq.0, word))
        .expect("a source");
    BTreeMap::from([
        ("{agentId}", agent.id),
        (
            "{sessionId}",
            string(&sessions.expect(200)["data"][0]["id"]),
        ),
        (
            "{keyId}",
            create("/keys", json!({ "kind": "publishable", "name": word })),
        ),
        ("{noteId}", create(&notes, json!({ "text": word }))),
        (
            "{savedReplyId}",
            create("/saved-replies", json!({ "name": word, "text": word })),
        ),
        ("{sourceId}", source.to_string()),
    ])
}
