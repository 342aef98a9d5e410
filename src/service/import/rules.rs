//! The rules that the values of a record follow, beyond their types.

use serde_json::{Map, Value};

use crate::domain::{DeviceId, ExternalId, MessageStatus, Origin, Status, page_address};
use crate::store::export::{
    ConversationRecord, JsonText, KeyRecord, MessageRecord, Record, UsageRecord, VisitorRecord,
};

/// The largest count that every JSON parser represents exactly.
const MAX_COUNT: u64 = (1 << 53) - 1;

/// Checks the values of a record.
///
/// # Errors
/// The reason why the record is invalid, in words.
pub fn check(record: &Record) -> Result<(), String> {
    match record {
        Record::Project(record) => expect_object("widgetConfig", Some(&record.widget_config)),
        Record::Key(record) => check_key(record),
        Record::Usage(record) => check_usage(record),
        Record::Visitor(record) => check_visitor(record),
        Record::Conversation(record) => check_conversation(record),
        Record::Message(record) => check_message(record),
        Record::Assistant(_)
        | Record::Secret(_)
        | Record::Qna(_)
        | Record::Document(_)
        | Record::Session(_) => Ok(()),
    }
}

fn check_key(key: &KeyRecord) -> Result<(), String> {
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
    check_page("pageUrl", message.page_url.as_deref())
}

fn check_page(member: &str, url: Option<&str>) -> Result<(), String> {
    let is_web = url.is_none_or(|url| page_address(url).is_some());
    expect(is_web, member, "must be an http or https URL")
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
