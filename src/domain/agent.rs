//! Agents: people who answer for the website (docs/api-contract.md, section 9).

/// The person who answers for the website, as visitors see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanAgent<'a> {
    pub name: Option<&'a str>,
    /// The URL of a picture.
    pub image: Option<&'a str>,
}

/// The name and picture of an agent, as visitors see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentProfile {
    pub name: Option<String>,
    /// The URL of a picture.
    pub image: Option<String>,
}

impl AgentProfile {
    pub(super) fn as_human_agent(&self) -> HumanAgent<'_> {
        HumanAgent {
            name: self.name.as_deref(),
            image: self.image.as_deref(),
        }
    }
}

impl From<HumanAgent<'_>> for AgentProfile {
    fn from(agent: HumanAgent<'_>) -> Self {
        Self {
            name: agent.name.map(str::to_owned),
            image: agent.image.map(str::to_owned),
        }
    }
}
