//! The agents of the demo.

use crate::access::hash_password;
use crate::domain::{
    AgentAccount, AgentId, AgentName, AgentRole, EmailAddress, ProjectSeq, Timestamp,
};
use crate::service::agent_account::AccountError;
use crate::service::agent_commands;
use crate::store::Store;
use crate::store::agent_account::NewAccount;

use super::database::demo_uuid;

/// An agent of the demo's inbox.
pub struct DemoAccount {
    /// The same in every demo database: conversations and notes refer to it.
    pub id: AgentId,
    pub name: &'static str,
    email: &'static str,
    role: AgentRole,
}

pub const MARA: DemoAccount = DemoAccount {
    id: AgentId(demo_uuid(5)),
    name: "Mara",
    email: "mara@tern.example",
    role: AgentRole::Owner,
};
pub const BEN: DemoAccount = DemoAccount {
    id: AgentId(demo_uuid(6)),
    name: "Ben",
    email: "ben@tern.example",
    role: AgentRole::Agent,
};
pub const YUKI: DemoAccount = DemoAccount {
    id: AgentId(demo_uuid(7)),
    name: "Yuki",
    email: "yuki@tern.example",
    role: AgentRole::Agent,
};

/// The password of all agents. It is as public as the keys of the demo.
pub const AGENT_PASSWORD: &str = "demo-password";

/// The account of an agent of the shop. Some agents have none.
pub fn account_id(name: &str) -> Option<AgentId> {
    let account = [MARA, BEN, YUKI]
        .into_iter()
        .find(|account| account.name == name);
    account.map(|account| account.id)
}

/// The first owner of the demo. Creates the agents unless there are some.
pub fn first_owner(store: &Store) -> Result<Option<AgentAccount>, AccountError> {
    let project = ProjectSeq::FIRST;
    if agent_commands::list(store, project)?.is_empty() {
        for account in [MARA, BEN, YUKI] {
            account.create(store, project)?;
        }
    }
    let mut agents = agent_commands::list(store, project)?.into_iter();
    Ok(agents.find(|agent| agent.role == AgentRole::Owner))
}

impl DemoAccount {
    fn create(&self, store: &Store, project: ProjectSeq) -> Result<(), AccountError> {
        let account = NewAccount {
            id: self.id,
            project,
            name: &AgentName::from_static(self.name),
            email: &EmailAddress::from_static(self.email),
            avatar_url: None,
            role: self.role,
            password_hash: Some(&hash_password(AGENT_PASSWORD)?),
            at: Timestamp::now(),
        };
        store.write_blocking(account.create())?;
        Ok(())
    }
}
