//! The rules that the values of a record follow, beyond their types: those of the API, of
//! the commands and of the converters. An export of a file that parlor has written follows
//! them.

use serde_json::{Map, Value};

use crate::domain::{
    CloseReason, DeviceId, ExternalId, Key, KeyKind, Label, MAX_ANSWER_TEXT_BYTES,
    MAX_ASSISTANT_TEXT_CHARS, MAX_AUTHOR_NAME_CHARS, MAX_DESCRIPTION_CHARS,
    MAX_DOCUMENT_DESCRIPTION_CHARS, MAX_DOCUMENT_URL_BYTES, MAX_HEADING_CHARS,
    MAX_MESSAGE_ERROR_CHARS, MAX_MESSAGE_JSON_BYTES, MAX_MESSAGE_QUOTA, MAX_NAME_CHARS,
    MAX_NOTE_CHARS, MAX_PAGE_TITLE_CHARS, MAX_PLAN_CHARS, MAX_PROJECT_NAME_CHARS,
    MAX_SAVED_REPLY_CHARS, MAX_SAVED_REPLY_NAME_CHARS, MAX_SECTION_BYTES, MAX_SOURCE_ERROR_CHARS,
    MAX_SOURCE_PROBLEMS, MAX_TEXT_SELECTION_CHARS, MAX_TITLE_CHARS, MAX_URI_BYTES,
    MAX_VISITOR_NAME_CHARS, MessageContent, MessageStatus, Origin, Role, SourceKind, Status,
    ValidationError, bounded_bytes, bounded_text, bounded_web_url, page_address, parse_answer,
    parse_question, parse_uri, parse_web_url,
};
use crate::learn::escape_active_content;
use crate::store::export::{
    AccountRecord, AgentRecord, AssistantRecord, ConversationRecord, DocumentRecord, JsonText,
    KeyRecord, MessageRecord, NoteRecord, ProjectRecord, QnaRecord, Record, SavedReplyRecord,
    SecretRecord, SourceRecord, UsageRecord, VisitorRecord,
};
use crate::store::session::SIGNING_SECRET;
use crate::store::widget_config;

/// The largest count that every JSON parser represents exactly.
const MAX_COUNT: u64 = (1 << 53) - 1;

/// The maximum size of widget settings. All settings together have less.
const MAX_WIDGET_BYTES: usize = 256 << 10;

/// The addresses of documents without an address on the web begin with this text.
const FILE_PREFIX: &str = "file:";

/// The maximum size of business hours.
const MAX_BUSINESS_HOURS_BYTES: usize = 16 << 10;

/// The maximum length of a text that visitors see while no agent is available.
const MAX_AWAY_MESSAGE_CHARS: usize = 2000;

/// The maximum number of addresses that receive notifications.
const MAX_NOTIFICATION_EMAILS: usize = 100;

const MAX_EMAIL_CHARS: usize = 254;
const MAX_PHONE_CHARS: usize = 100;
const MAX_PASSWORD_HASH_CHARS: usize = 500;

/// The names of the secrets of projects and of keys.
const WEBHOOK_SECRET: &str = "webhook";
const IDENTITY_SECRET: &str = "identity";

/// Gives values of a record the form in which they are stored: turns the active content of
/// learned passages into text.
pub fn normalize(record: &mut Record) {
    match record {
        Record::Document(document) => {
            for passage in &mut document.passages {
                passage.body = escape_active_content(std::mem::take(&mut passage.body));
            }
        }
        Record::Visitor(visitor) => {
            let default = visitor.external_id.is_some();
            visitor.is_verified = visitor.is_verified.filter(|flag| *flag != default);
        }
        _ => {}
    }
}

/// Checks the values of a record.
///
/// # Errors
/// The member and the rule that it breaks, in words.
pub fn check(record: &Record) -> Result<(), String> {
    match record {
        Record::Project(record) => check_project(record),
        Record::Assistant(record) => check_assistant(record),
        Record::Key(record) => check_key(record),
        Record::Agent(record) => check_account(record),
        Record::Secret(record) => check_secret(record),
        Record::Usage(record) => check_usage(record),
        Record::Qna(record) => check_qna(record),
        Record::Document(record) => check_document(record),
        Record::Source(record) => check_source(record),
        Record::SavedReply(record) => check_saved_reply(record),
        Record::Visitor(record) => check_visitor(record),
        // Ids and times alone, whose types are their rules.
        Record::Session(_) | Record::Refusal(_) => Ok(()),
        Record::Conversation(record) => check_conversation(record),
        Record::Message(record) => check_message(record),
        Record::Note(record) => check_note(record),
    }
}

fn check_project(project: &ProjectRecord) -> Result<(), String> {
    label::<MAX_PROJECT_NAME_CHARS>("name", &project.name)?;
    let description = project.description.as_deref();
    optional("description", description, label::<MAX_DESCRIPTION_CHARS>)?;
    optional("plan", project.plan.as_deref(), label::<MAX_PLAN_CHARS>)?;
    let quota = project.message_quota.unwrap_or_default();
    let range = format!("must be at most {MAX_MESSAGE_QUOTA}");
    expect(quota <= MAX_MESSAGE_QUOTA, "messageQuota", &range)?;
    let widget = project.widget_config.as_str();
    expect(
        widget.len() <= MAX_WIDGET_BYTES,
        "widgetConfig",
        "is too large",
    )?;
    widget_config::check(widget).map_err(|reason| format!("widgetConfig{reason}"))?;
    check_contact(project)
}

/// Checks when and how agents of a project can be reached.
fn check_contact(project: &ProjectRecord) -> Result<(), String> {
    optional(
        "businessHours",
        project.business_hours.as_ref(),
        |member, json| {
            bytes(member, json.as_str(), MAX_BUSINESS_HOURS_BYTES)?;
            let object = serde_json::from_str::<Map<String, Value>>(json.as_str());
            expect(object.is_ok(), member, "must be an object")
        },
    )?;
    optional(
        "awayMessage",
        project.away_message.as_deref(),
        |member, value| text(member, value, 1, MAX_AWAY_MESSAGE_CHARS),
    )?;
    optional("webhookUrl", project.webhook_url.as_deref(), web_url)?;
    let emails = &project.notification_emails;
    let rule = format!("must be at most {MAX_NOTIFICATION_EMAILS} addresses");
    expect(
        emails.len() <= MAX_NOTIFICATION_EMAILS,
        "notificationEmails",
        &rule,
    )?;
    emails
        .iter()
        .try_for_each(|address| email("notificationEmails", address))
}

fn check_assistant(assistant: &AssistantRecord) -> Result<(), String> {
    label::<MAX_NAME_CHARS>("name", &assistant.name)?;
    let long_text = |member, value: &str| text(member, value, 0, MAX_ASSISTANT_TEXT_CHARS);
    optional("prompt", assistant.prompt.as_deref(), long_text)?;
    optional("fallback", assistant.fallback.as_deref(), long_text)
}

fn check_key(key: &KeyRecord) -> Result<(), String> {
    label::<MAX_NAME_CHARS>("name", &key.name)?;
    text("hint", &key.hint, 1, Key::HINT_CHARS)?;
    key.origins.iter().try_for_each(|origin| {
        let parsed = Origin::parse(origin).ok();
        let is_stored_form = parsed.is_some_and(|parsed| parsed.as_str() == origin);
        let rule = "must be websites such as https://shop.example";
        expect(is_stored_form, "origins", rule)
    })?;
    let Some(text) = key.publishable_key.as_deref() else {
        return Ok(());
    };
    let is_same = Key::from_text(text).hash().0 == key.hash.0;
    let rule = "must be the publishable key of the hash";
    expect(
        key.kind == KeyKind::Publishable && is_same,
        "publishableKey",
        rule,
    )
}

fn check_account(account: &AccountRecord) -> Result<(), String> {
    label::<MAX_NAME_CHARS>("name", &account.name)?;
    email("email", &account.email)?;
    let is_lower_case = account.email.to_lowercase() == account.email;
    expect(is_lower_case, "email", "must be in lower case")?;
    optional("avatarUrl", account.avatar_url.as_deref(), web_url)?;
    optional(
        "passwordHash",
        account.password_hash.as_deref(),
        |member, hash| {
            text(member, hash, 1, MAX_PASSWORD_HASH_CHARS)?;
            let rule = "must be a hash of argon2id in PHC string format";
            expect(hash.starts_with("$argon2id$"), member, rule)
        },
    )
}

fn check_secret(secret: &SecretRecord) -> Result<(), String> {
    let names = [SIGNING_SECRET, WEBHOOK_SECRET, IDENTITY_SECRET];
    let name = secret.name.as_str();
    let rule = format!("must be one of: {}", names.join(", "));
    expect(names.contains(&name), "name", &rule)?;
    let has_project = secret.project_id.is_some() == (name == WEBHOOK_SECRET);
    let rule = format!("must be set exactly if the name is {WEBHOOK_SECRET}");
    expect(has_project, "projectId", &rule)?;
    let has_key = secret.key_id.is_some() == (name == IDENTITY_SECRET);
    let rule = format!("must be set exactly if the name is {IDENTITY_SECRET}");
    expect(has_key, "keyId", &rule)
}

fn check_source(source: &SourceRecord) -> Result<(), String> {
    let location = source.location.as_str();
    bytes("location", location, MAX_DOCUMENT_URL_BYTES)?;
    expect(!location.is_empty(), "location", "must not be empty")?;
    let is_web = source.kind != SourceKind::Website || parse_web_url(location).is_some();
    expect(is_web, "location", "must be an http or https URL")?;
    expect(source.documents <= MAX_COUNT, "documents", "is too large")?;
    let has_begun = source.started_at.is_some() || source.finished_at.is_none();
    expect(has_begun, "finishedAt", "must not be set without startedAt")?;
    optional("error", source.error.as_deref(), |member, value| {
        text(member, value, 0, MAX_SOURCE_ERROR_CHARS)
    })?;
    check_report(source)
}

/// Checks what the last run of a source reported.
fn check_report(source: &SourceRecord) -> Result<(), String> {
    let rule = format!("must have at most {MAX_SOURCE_PROBLEMS} items");
    let is_short = source.problems.len() <= MAX_SOURCE_PROBLEMS;
    expect(is_short, "problems", &rule)?;
    for problem in &source.problems {
        at_most("problems.item", &problem.item, MAX_SOURCE_ERROR_CHARS)?;
        at_most("problems.reason", &problem.reason, MAX_SOURCE_ERROR_CHARS)?;
    }
    expect(source.skipped <= MAX_COUNT, "skipped", "is too large")?;
    expect(source.removed <= MAX_COUNT, "removed", "is too large")?;
    let has_interval = source.interval_seconds != Some(0);
    expect(has_interval, "intervalSeconds", "must not be 0")
}

fn check_saved_reply(reply: &SavedReplyRecord) -> Result<(), String> {
    label::<MAX_SAVED_REPLY_NAME_CHARS>("name", &reply.name)?;
    text("text", &reply.text, 1, MAX_SAVED_REPLY_CHARS)
}

fn check_note(note: &NoteRecord) -> Result<(), String> {
    optional(
        "agentName",
        note.agent_name.as_deref(),
        label::<MAX_NAME_CHARS>,
    )?;
    text("text", &note.text, 1, MAX_NOTE_CHARS)
}

fn check_usage(usage: &UsageRecord) -> Result<(), String> {
    expect(usage.messages <= MAX_COUNT, "messages", "is too large")
}

fn check_qna(qna: &QnaRecord) -> Result<(), String> {
    parse_question(&qna.question).map_err(in_words)?;
    parse_answer(&qna.answer).map_err(in_words)?;
    optional(
        "creatorName",
        qna.creator_name.as_deref(),
        |member, value| text(member, value, 0, MAX_AUTHOR_NAME_CHARS),
    )?;
    optional("creatorImage", qna.creator_image.as_deref(), uri)
}

fn check_document(document: &DocumentRecord) -> Result<(), String> {
    bytes("url", &document.url, MAX_DOCUMENT_URL_BYTES)?;
    let is_address = document.url.starts_with(FILE_PREFIX) || is_uri(&document.url);
    expect(is_address, "url", "must be an absolute URI or file:PATH")?;
    // Texts of pages may contain every character.
    heading("title", &document.title)?;
    bytes("source", &document.source, MAX_DOCUMENT_URL_BYTES)?;
    let description = &document.description;
    at_most("description", description, MAX_DOCUMENT_DESCRIPTION_CHARS)?;
    document.passages.iter().try_for_each(|passage| {
        heading("passages.heading", &passage.heading)?;
        bytes("passages.body", &passage.body, MAX_SECTION_BYTES)
    })
}

fn heading(member: &'static str, heading: &str) -> Result<(), String> {
    at_most(member, heading, MAX_HEADING_CHARS)
}

/// Checks the length of a text that may contain every character.
fn at_most(member: &'static str, text: &str, max_chars: usize) -> Result<(), String> {
    let rule = format!("must have at most {max_chars} characters");
    let has_too_many = text.chars().nth(max_chars).is_some();
    expect(!has_too_many, member, &rule)
}

fn check_visitor(visitor: &VisitorRecord) -> Result<(), String> {
    optional("saVid", visitor.sa_vid.as_deref(), |member, value| {
        DeviceId::parse(member, value).map(drop).map_err(in_words)
    })?;
    optional(
        "externalId",
        visitor.external_id.as_deref(),
        |member, value| ExternalId::parse(member, value).map(drop).map_err(in_words),
    )?;
    optional("name", visitor.name.as_deref(), |member, value| {
        text(member, value, 0, MAX_VISITOR_NAME_CHARS)
    })?;
    optional("avatarUrl", visitor.avatar_url.as_deref(), web_url)?;
    optional("email", visitor.email.as_deref(), email)?;
    optional("phone", visitor.phone.as_deref(), |member, value| {
        text(member, value, 1, MAX_PHONE_CHARS)
    })
}

fn check_conversation(conversation: &ConversationRecord) -> Result<(), String> {
    let is_closed = conversation.status == Status::Closed;
    let rule = "must be set exactly if the status is closed";
    expect(
        is_closed == conversation.closed_at.is_some(),
        "closedAt",
        rule,
    )?;
    optional(
        "closeReason",
        conversation.close_reason.as_deref(),
        |_, value| CloseReason::parse(value).map(drop).map_err(in_words),
    )?;
    check_agent(conversation.human_agent.as_ref())?;
    optional("title", conversation.title.as_deref(), |member, value| {
        text(member, value, 0, MAX_TITLE_CHARS)
    })?;
    optional("pageUrl", conversation.page_url.as_deref(), page_url)?;
    check_waiting(conversation)
}

fn check_waiting(conversation: &ConversationRecord) -> Result<(), String> {
    let is_waiting = conversation.waiting_since.is_some();
    let accepts = conversation.status == Status::Open && !conversation.is_human_handled;
    let rule = "must not be set if the conversation is closed or an agent handles it";
    expect(!is_waiting || accepts, "waitingSince", rule)?;
    let rule = "must be set exactly if the conversation waits";
    expect(
        is_waiting == conversation.waiting_reason.is_some(),
        "waitingReason",
        rule,
    )?;
    let waited = conversation.waited_ms.unwrap_or_default();
    expect(waited <= MAX_COUNT, "waitedMs", "is too large")
}

fn check_message(message: &MessageRecord) -> Result<(), String> {
    let is_answer = message.role == Role::Assistant;
    let rule = match message.status {
        MessageStatus::Complete => None,
        MessageStatus::Error if is_answer => None,
        MessageStatus::Error => Some("error is the status of answers alone"),
        MessageStatus::Streaming => Some("must be complete or error"),
    };
    expect(rule.is_none(), "status", rule.unwrap_or_default())?;
    check_text(message)?;
    optional("parts", message.parts.as_ref(), |member, json| {
        small_json(member, json)?;
        let parts = serde_json::from_str::<Vec<Map<String, Value>>>(json.as_str());
        expect(parts.is_ok(), member, "must be an array of objects")
    })?;
    optional("error", message.error.as_deref(), |member, value| {
        text(member, value, 0, MAX_MESSAGE_ERROR_CHARS)
    })?;
    check_feedback(message)?;
    optional("metadata", message.metadata.as_ref(), |member, json| {
        small_json(member, json)?;
        let object = serde_json::from_str::<Map<String, Value>>(json.as_str());
        expect(object.is_ok(), member, "must be an object")
    })?;
    check_agent(message.human_agent.as_ref())?;
    check_visitor_page(message)
}

/// An answer may be empty, for example if it failed. A message of a person has a text, or
/// parts of other types alone.
fn check_text(message: &MessageRecord) -> Result<(), String> {
    match message.role {
        Role::Assistant => bytes("text", &message.text, MAX_ANSWER_TEXT_BYTES),
        Role::User | Role::HumanAgent => {
            let min = usize::from(message.parts.is_none());
            text("text", &message.text, min, MessageContent::MAX_CHARS)
        }
    }
}

fn check_feedback(message: &MessageRecord) -> Result<(), String> {
    let has_time = message.feedback_at.is_some();
    let rule = "must be set exactly if there is feedback";
    expect(message.feedback.is_some() == has_time, "feedbackAt", rule)?;
    let is_rated_question = message.role == Role::User && message.feedback.is_some();
    let rule = "messages of visitors have none";
    expect(!is_rated_question, "feedback", rule)
}

fn check_visitor_page(message: &MessageRecord) -> Result<(), String> {
    optional("pageUrl", message.page_url.as_deref(), page_url)?;
    optional(
        "pageTitle",
        message.page_title.as_deref(),
        |member, value| text(member, value, 0, MAX_PAGE_TITLE_CHARS),
    )?;
    optional(
        "textSelection",
        message.text_selection.as_deref(),
        |member, value| text(member, value, 0, MAX_TEXT_SELECTION_CHARS),
    )
}

fn check_agent(agent: Option<&AgentRecord>) -> Result<(), String> {
    let Some(agent) = agent else { return Ok(()) };
    optional(
        "humanAgent.name",
        agent.name.as_deref(),
        label::<MAX_NAME_CHARS>,
    )?;
    optional("humanAgent.image", agent.image.as_deref(), uri)
}

// ── Rules of values ──

/// Checks a value if there is one.
fn optional<T: ?Sized>(
    member: &'static str,
    value: Option<&T>,
    check: impl FnOnce(&'static str, &T) -> Result<(), String>,
) -> Result<(), String> {
    value.map_or(Ok(()), |value| check(member, value))
}

fn text(member: &'static str, text: &str, min: usize, max: usize) -> Result<(), String> {
    let text = bounded_text(member, text, min, max);
    text.map(drop).map_err(in_words)
}

/// A label in its stored form.
fn label<const MAX: usize>(member: &'static str, text: &str) -> Result<(), String> {
    let label = Label::<MAX>::parse(member, text).map_err(in_words)?;
    expect(label.as_str() == text, member, "begins or ends with spaces")
}

fn bytes(member: &'static str, text: &str, max: usize) -> Result<(), String> {
    bounded_bytes(member, text, max).map_err(in_words)
}

/// An address that can receive e-mail, roughly.
fn email(member: &'static str, address: &str) -> Result<(), String> {
    text(member, address, 3, MAX_EMAIL_CHARS)?;
    let has_other = address
        .chars()
        .any(|char| char.is_whitespace() || char.is_control());
    let rule = "must be an e-mail address";
    expect(!has_other && address.contains('@'), member, rule)
}

fn web_url(member: &'static str, url: &str) -> Result<(), String> {
    bounded_web_url(member, url).map(drop).map_err(in_words)
}

fn uri(member: &'static str, text: &str) -> Result<(), String> {
    parse_uri(member, text).map(drop).map_err(in_words)
}

fn is_uri(text: &str) -> bool {
    url::Url::parse(text).is_ok()
}

/// The address of a page as it is stored.
fn page_url(member: &'static str, url: &str) -> Result<(), String> {
    let is_stored_form = page_address(url).is_some_and(|address| address == url);
    let rule = format!(
        "must be an http or https URL of at most {MAX_URI_BYTES} characters, without user name"
    );
    expect(is_stored_form, member, &rule)
}

fn small_json(member: &'static str, json: &JsonText) -> Result<(), String> {
    bytes(member, json.as_str(), MAX_MESSAGE_JSON_BYTES)
}

fn in_words(error: ValidationError) -> String {
    format!("{}: {}", error.field, error.reason)
}

fn expect(condition: bool, member: &str, rule: &str) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(format!("{member}: {rule}"))
    }
}
