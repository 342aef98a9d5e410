//! Agents (docs/api-contract.md, section 5.1).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::HumanAgent;

/// The agent who answers.
#[derive(Serialize, ToSchema)]
#[schema(as = HumanAgent)]
pub struct HumanAgentJson<'a> {
    /// The name that visitors see.
    #[schema(required)]
    pub(super) name: Option<&'a str>,
    /// The URL of a picture.
    #[schema(required)]
    pub(super) image: Option<&'a str>,
}

impl<'a> From<HumanAgent<'a>> for HumanAgentJson<'a> {
    fn from(agent: HumanAgent<'a>) -> Self {
        Self {
            name: agent.name,
            image: agent.image,
        }
    }
}
