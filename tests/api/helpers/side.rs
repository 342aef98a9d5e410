//! Two projects in one file, with a row of each kind.

use serde_json::json;

use super::{ProjectFixture, Request, TestServer, Visitor, string};

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
        Self {
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
            other => panic!("the test has no id for {other}"),
        }
    }

    pub fn ids(&self) -> [String; 7] {
        let names = [
            "conversation",
            "message",
            "project",
            "qna",
            "document",
            "visitor",
        ];
        let [a, b, c, d, e, f] = names.map(|name| self.id(&format!("{{{name}Id}}")));
        [a, b, c, d, e, f, self.assistant.clone()]
    }

    pub fn credentials(&self) -> [Option<&str>; 3] {
        let [key, token] = [&self.project.private_key, &self.visitor.token];
        [Some(key), Some(token), None]
    }
}
