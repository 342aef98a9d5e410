//! Projects (docs/api-contract.md, section 5.5).

use serde::Serialize;
use utoipa::ToSchema;

use super::business_hours::{AvailabilityJson, BusinessHoursJson};
use super::conversation::StaffOnly;
use super::widget_config::ChatWidgetConfigJson;
use crate::domain::{Audience, Availability, Project, ProjectId};

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
    availability: AvailabilityJson<'a>,
    /// With a private key: the weekly hours in which agents answer; null: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BusinessHoursJson>, required = false)]
    business_hours: StaffOnly<Option<BusinessHoursJson>>,
    /// With a private key: the message that is shown while no agent is online.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<&str>, required = false)]
    away_message: StaffOnly<Option<&'a str>>,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ProjectObject {
    Project,
}

impl<'a> ProjectJson<'a> {
    pub fn new(project: &'a Project, availability: &'a Availability, audience: Audience) -> Self {
        let is_staff = audience == Audience::Staff;
        let hours = || project.business_hours.as_ref().map(BusinessHoursJson::from);
        Self {
            object: ProjectObject::Project,
            id: project.id,
            name: &project.name,
            description: project.description.as_deref(),
            chat_widget_config: ChatWidgetConfigJson(&project.chat_widget_config),
            availability: availability.into(),
            business_hours: is_staff.then(hours),
            away_message: is_staff.then_some(project.away_message.as_deref()),
        }
    }
}
