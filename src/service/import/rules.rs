//! The rules that the values of a record follow, beyond their types.

use serde_json::{Map, Value};

use crate::domain::{
    CloseReason, DeviceId, ExternalId, MAX_DESCRIPTION_CHARS, MAX_PLAN_CHARS,
    MAX_PROJECT_NAME_CHARS, MAX_TITLE_CHARS, MessageStatus, Origin, Status, ValidationError,
    bounded_text, page_address, parse_answer, parse_question, parse_uri,
};
use crate::learn::escape_active_content;
use crate::store::export::{
    AgentRecord, AssistantRecord, ConversationRecord, JsonText, KeyRecord, MessageRecord,
    ProjectRecord, QnaRecord, Record, UsageRecord, VisitorRecord,
};

/// The largest count that every JSON parser represents exactly.
const MAX_COUNT: u64 = (1 << 53) - 1;

/// The maximum length of the names of keys, assistants and agents, and of the texts of
/// assistants, in characters.
pub const MAX_NAME_CHARS: usize = 100;
const MAX_ASSISTANT_TEXT_CHARS: usize = 20_000;

/// The maximum size of widget settings. All settings together have less.
const MAX_WIDGET_BYTES: usize = 256 << 10;

/// Turns the active content of learned passages into text.
pub fn escape_passages(record: &mut Record) {
    if let Record::Document(document) = record {
        for passage in &mut document.passages {
            passage.body = escape_active_content(std::mem::take(&mut passage.body));
        }
    }
}

/// Checks the values of a record.
///
/// # Errors
/// The reason why the record is invalid, in words.
pub fn check(record: &Record) -> Result<(), String> {
    match record {
        Record::Project(record) => check_project(record),
        Record::Assistant(record) => check_assistant(record),
        Record::Qna(record) => check_qna(record),
        Record::Key(record) => check_key(record),
        Record::Usage(record) => check_usage(record),
        Record::Visitor(record) => check_visitor(record),
        Record::Conversation(record) => check_conversation(record),
        Record::Message(record) => check_message(record),
        Record::Secret(_) | Record::Document(_) | Record::Session(_) => Ok(()),
    }
}

fn check_project(project: &ProjectRecord) -> Result<(), String> {
    expect_text("name", Some(&project.name), MAX_PROJECT_NAME_CHARS)?;
    let description = project.description.as_deref();
    expect_text("description", description, MAX_DESCRIPTION_CHARS)?;
    expect_text("plan", project.plan.as_deref(), MAX_PLAN_CHARS)?;
    let is_small = project.widget_config.as_str().len() <= MAX_WIDGET_BYTES;
    expect(is_small, "widgetConfig", "is too large")?;
    expect_object("widgetConfig", Some(&project.widget_config))
}

fn check_assistant(assistant: &AssistantRecord) -> Result<(), String> {
    expect_text("name", Some(&assistant.name), MAX_NAME_CHARS)?;
    let (prompt, fallback) = (assistant.prompt.as_deref(), assistant.fallback.as_deref());
    expect_text("prompt", prompt, MAX_ASSISTANT_TEXT_CHARS)?;
    expect_text("fallback", fallback, MAX_ASSISTANT_TEXT_CHARS)
}

fn check_qna(qna: &QnaRecord) -> Result<(), String> {
    parse_question(&qna.question).map_err(invalid)?;
    parse_answer(&qna.answer).map_err(invalid)?;
    Ok(())
}

fn check_agent(agent: Option<&AgentRecord>) -> Result<(), String> {
    let Some(agent) = agent else { return Ok(()) };
    expect_text("humanAgent.name", agent.name.as_deref(), MAX_NAME_CHARS)?;
    if let Some(image) = &agent.image {
        parse_uri("humanAgent.image", image).map_err(invalid)?;
    }
    Ok(())
}

fn check_key(key: &KeyRecord) -> Result<(), String> {
    expect_text("name", Some(&key.name), MAX_NAME_CHARS)?;
    for origin in &key.origins {
        Origin::parse(origin).map_err(|error| format!("origins: {}", error.reason))?;
    }
    Ok(())
}

fn check_usage(usage: &UsageRecord) -> Result<(), String> {
    expect(usage.messages <= MAX_COUNT, "messages", "is too large")
}

fn check_visitor(visitor: &VisitorRecord) -> Result<(), String> {
    if let Some(sa_vid) = &visitor.sa_vid {
        DeviceId::parse("saVid", sa_vid).map_err(|error| format!("saVid: {}", error.reason))?;
    }
    if let Some(id) = &visitor.external_id {
        let parsed = ExternalId::parse("externalId", id);
        parsed.map_err(|error| format!("externalId: {}", error.reason))?;
    }
    Ok(())
}

fn check_conversation(conversation: &ConversationRecord) -> Result<(), String> {
    let is_closed = conversation.status == Status::Closed;
    let reason = "must be set exactly if the status is closed";
    expect(
        is_closed == conversation.closed_at.is_some(),
        "closedAt",
        reason,
    )?;
    expect_text("title", conversation.title.as_deref(), MAX_TITLE_CHARS)?;
    if let Some(reason) = &conversation.close_reason {
        CloseReason::parse(reason).map_err(invalid)?;
    }
    check_agent(conversation.human_agent.as_ref())?;
    check_page("pageUrl", conversation.page_url.as_deref())
}

fn check_message(message: &MessageRecord) -> Result<(), String> {
    let is_complete = message.status != MessageStatus::Streaming;
    expect(is_complete, "status", "must be complete or error")?;
    if let Some(parts) = &message.parts {
        let parts: Result<Vec<Map<String, Value>>, _> = serde_json::from_str(parts.as_str());
        expect(parts.is_ok(), "parts", "must be an array of objects")?;
    }
    expect_object("metadata", message.metadata.as_ref())?;
    check_agent(message.human_agent.as_ref())?;
    check_page("pageUrl", message.page_url.as_deref())
}

fn check_page(member: &str, url: Option<&str>) -> Result<(), String> {
    let is_web = url.is_none_or(|url| page_address(url).is_some());
    expect(is_web, member, "must be an http or https URL")
}

fn expect_text(member: &'static str, text: Option<&str>, max: usize) -> Result<(), String> {
    if let Some(text) = text {
        bounded_text(member, text, 0, max).map_err(invalid)?;
    }
    Ok(())
}

fn invalid(error: ValidationError) -> String {
    format!("{}: {}", error.field, error.reason)
}

fn expect_object(member: &str, json: Option<&JsonText>) -> Result<(), String> {
    let object = json.map(|json| serde_json::from_str::<Map<String, Value>>(json.as_str()));
    let is_object = object.is_none_or(|object| object.is_ok());
    expect(is_object, member, "must be an object")
}

fn expect(condition: bool, member: &str, reason: &str) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(format!("{member}: {reason}"))
    }
}
