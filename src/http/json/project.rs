//! Projects (docs/api-contract.md, section 5.5).

use serde::Serialize;
use utoipa::ToSchema;

use super::widget_config::ChatWidgetConfigJson;
use crate::domain::{Project, ProjectId};

/// A website and the look of its chat widget.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Project)]
pub struct ProjectJson<'a> {
    object: ProjectObject,
    id: ProjectId,
    /// The name of the website.
    #[schema(max_length = 100)]
    name: &'a str,
    /// What the website is about.
    #[schema(max_length = 500, required)]
    description: Option<&'a str>,
    chat_widget_config: ChatWidgetConfigJson<'a>,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ProjectObject {
    Project,
}

impl<'a> From<&'a Project> for ProjectJson<'a> {
    fn from(project: &'a Project) -> Self {
        Self {
            object: ProjectObject::Project,
            id: project.id,
            name: &project.name,
            description: project.description.as_deref(),
            chat_widget_config: ChatWidgetConfigJson(&project.chat_widget_config),
        }
    }
}
