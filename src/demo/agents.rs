//! The agents of the demo.

use crate::domain::{AgentAccount, AgentName, AgentRole, EmailAddress, Password, ProjectSeq};
use crate::service::agent_account::{AccountError, AccountSpec};
use crate::service::agent_commands;
use crate::store::Store;

/// Name, e-mail address and role.
const AGENTS: [(&str, &str, AgentRole); 3] = [
    ("Mara", "mara@tern.example", AgentRole::Owner),
    ("Ben", "ben@tern.example", AgentRole::Agent),
    ("Yuki", "yuki@tern.example", AgentRole::Agent),
];

/// The password of all agents. It is as public as the keys of the demo.
pub const AGENT_PASSWORD: &str = "demo-password";

/// The first owner of the demo. Creates the agents unless there are some.
pub fn first_owner(store: &Store) -> Result<Option<AgentAccount>, AccountError> {
    let project = ProjectSeq::FIRST;
    if agent_commands::list(store, project)?.is_empty() {
        for (name, email, role) in AGENTS {
            let spec = AccountSpec {
                name: AgentName::from_static(name),
                email: EmailAddress::from_static(email),
                role,
                avatar_url: None,
            };
            let account = agent_commands::create(store, project, spec)?;
            let password = Password::from_static(AGENT_PASSWORD);
            agent_commands::change_password(store, account.seq, &password)?;
        }
    }
    let mut agents = agent_commands::list(store, project)?.into_iter();
    Ok(agents.find(|agent| agent.role == AgentRole::Owner))
}
