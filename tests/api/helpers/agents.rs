//! Accounts of agents and their sessions.

use parlor::access::hash_password;
use parlor::domain::{
    AgentId, AgentName, AgentRole, AgentSessionId, EmailAddress, SecretToken, Timestamp,
};
use parlor::store::agent_account::{self, NewAccount};
use parlor::store::agent_session::NewSession;
use parlor::store::{Snapshot, Store};

use super::{ProjectFixture, Request, Response};

/// An agent who has signed in.
#[derive(Debug, Clone)]
pub struct Agent {
    pub id: String,
    pub email: String,
    /// `NAME=TOKEN`.
    pub cookie: String,
}

impl Agent {
    /// Creates an account and a session without the API, because hashing a password takes
    /// time.
    pub fn create(store: &Store, project: &ProjectFixture, name: &str, role: AgentRole) -> Self {
        Self::create_with(store, project, name, role, None)
    }

    /// As [`Agent::create`], with a password.
    pub fn create_with(
        store: &Store,
        project: &ProjectFixture,
        name: &str,
        role: AgentRole,
        password: Option<&str>,
    ) -> Self {
        let email = format!("{}@{}.example", name.to_lowercase(), project.seq.0);
        let password = password.map(|password| hash_password(password).expect("a hash"));
        let account = NewAccount {
            id: AgentId::generate(),
            project: project.seq,
            name: &AgentName::parse("", name).expect("a name"),
            email: &EmailAddress::parse("", &email).expect("an address"),
            avatar_url: None,
            role,
            password_hash: password.as_deref(),
            at: Timestamp::now(),
        };
        store.write_blocking(account.create()).expect("an account");
        let find = |snapshot: &Snapshot<'_>| agent_account::find(snapshot, project.seq, account.id);
        let seq = store
            .read_blocking(find)
            .expect("a read")
            .expect("an account")
            .seq;
        let token = SecretToken::generate().expect("random bytes");
        let session = NewSession {
            id: AgentSessionId::generate(),
            hash: token.hash(),
            user_agent: None,
            address: None,
            at: Timestamp::now(),
        };
        let start = session.start(seq, password.as_deref());
        store.write_blocking(start).expect("a session");
        Self {
            id: account.id.to_string(),
            email,
            cookie: format!("parlor_session={}", token.reveal()),
        }
    }
}

impl Request {
    /// Sends the cookie of an agent, and the origin of the server as its pages do.
    pub fn agent(self, agent: &Agent) -> Self {
        self.cookie(&agent.cookie).own_origin()
    }

    pub fn cookie(self, cookie: &str) -> Self {
        self.header("Cookie", cookie)
    }
}

impl Response {
    /// `NAME=VALUE` of `Set-Cookie`.
    #[track_caller]
    pub fn cookie(&self) -> String {
        let header = self.header("set-cookie").expect("a cookie");
        header.split(';').next().expect("a pair").to_owned()
    }
}
