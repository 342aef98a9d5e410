//! A visitor says something and is answered (section 3.8).
//!
//! The order of things: how the conversation stands is read; the answerer
//! prepares; question and answer are stored, on the condition that all still
//! stands so; only then anything is shown. Where it stands otherwise by then,
//! the next round sees how.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::generation::spawn;
use crate::answer::recorder::AnswerRecorder;
use crate::answer::{
    Answer, AnswerRequest, AnswerStream, ChatMessage, ChatRole, CompleteAnswer, FinishDetails,
    FinishReason, VisitorPage,
};
use crate::app::AppState;
use crate::domain::{
    Assistant, ConversationId, KeySeq, MessageContent, MessageId, MessageStatus, ProjectSeq, Role,
    SentMessage, Status, Timestamp, parse_uri,
};
use crate::events::Event;
use crate::http::answer_response::{
    AnswerSteps, PASSED_ON, await_answer, passed_on, stream_answer, whole_answer,
};
use crate::http::auth::{self, Caller};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::field_types::Prefix;
use crate::http::idempotency::{Once, Ran, told};
use crate::http::params::conversation_id;
use crate::http::plan::check_plan;
use crate::http::response::HandlerResult;
use crate::store::idempotency::{Answered, Body};
use crate::store::turn::{self, NewAnswer, Place, Standing};
use crate::store::{Snapshot, StoreError, assistant, message};

// ── What is sent ──

/// What a visitor says.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendRequest {
    #[schema(inline)]
    content: MessageContent,
    /// Whether the answer comes as a stream of events; else it comes when it is whole.
    #[serde(default)]
    stream: bool,
    page_context: Option<PageContext>,
}

/// The page on which the visitor is. A browser reports it as it can, so no
/// value of a string is refused.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PageContext {
    /// An absolute URI of at most 2048 characters; anything else is ignored.
    url: Option<String>,
    /// Cut after 1000 characters.
    #[schema(inline)]
    title: Option<PageTitle>,
    /// The text of the page, cut after 100,000 characters.
    #[schema(inline)]
    content: Option<PageText>,
    /// The text that the visitor has selected, cut after 10,000 characters.
    #[schema(inline)]
    text_selection: Option<TextSelection>,
}

type PageTitle = Prefix<1000>;
type PageText = Prefix<100_000>;
type TextSelection = Prefix<10_000>;

impl From<PageContext> for VisitorPage {
    fn from(page: PageContext) -> Self {
        Self {
            url: page.url.and_then(|url| parse_uri("url", &url).ok()),
            title: page.title.map(|title| title.0),
            content: page.content.map(|content| content.0),
            selection: page.text_selection.map(|selection| selection.0),
        }
    }
}

struct Sent {
    content: MessageContent,
    stream: bool,
    page: Option<VisitorPage>,
}

impl From<SendRequest> for Sent {
    fn from(body: SendRequest) -> Self {
        Self {
            content: body.content,
            stream: body.stream,
            page: body.page_context.map(VisitorPage::from),
        }
    }
}

// ── Handler ──

/// Send a message
///
/// The assistant answers, as JSON or as a stream. Where a person of the house
/// has the conversation, the message is passed on to them and 202 is answered.
#[utoipa::path(post, path = "/conversations/{conversationId}/messages", tag = "Messages", operation_id = "send-message",
    params(("conversationId" = ConversationId, Path)), request_body = SendRequest, security(("session" = [])),
    responses((status = 200, description = "The answer", content(
                  (AnswerSteps = "application/json"),
                  (Object = "text/event-stream"))),
              (status = 202, description = "Passed on to a person of the house", body = String, content_type = "text/plain")))]
pub async fn send(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    caller.visitor()?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<SendRequest>::read(&app, &request, payload).await?;
    let sent = Sent::from(body.value);
    let once = Once::of(&request, &body.raw, caller)?;
    if let Some(before) = once.before(&app).await? {
        return again(&app, before, sent.stream).await;
    }
    let sending = Sending {
        app: app.into_inner(),
        caller,
        id,
        sent,
        once,
    };
    sending.run().await
}

/// What was answered before, made again from the message.
async fn again(app: &AppState, before: Answered, stream: bool) -> HandlerResult {
    let Body::Message(id) = before.body else {
        return Ok(passed_on());
    };
    let read = app.store.read(move |snapshot| message::given(snapshot, id));
    let given = read.await.map_err(|error: StoreError| error)?;
    let (status, text, metadata) = given.ok_or_else(|| ApiError::message_not_found(id))?;
    match status {
        MessageStatus::Streaming => return Err(answering()),
        // A failure is forgotten as soon as it is stored, so this is a moment.
        MessageStatus::Error => return Err(ApiError::unavailable(1, "the answer has just failed")),
        MessageStatus::Complete => {}
    }
    let usage = metadata.and_then(|json| serde_json::from_str::<Kept>(&json).ok());
    let finish = FinishDetails {
        reason: FinishReason::Stop,
        usage: usage.unwrap_or_default().usage,
    };
    whole_answer(id, &CompleteAnswer { text, finish }, stream)
}

#[derive(Default, serde::Deserialize)]
struct Kept {
    usage: crate::answer::Usage,
}

fn answering() -> ApiError {
    ApiError::conflict("message", "status")
        .with_message("An answer is being written; wait until it has ended")
}

// ── One sending ──

struct Sending {
    app: Arc<AppState>,
    caller: Caller,
    id: ConversationId,
    sent: Sent,
    once: Once,
}

/// How often what was read may be found changed when it is written.
const ROUNDS: usize = 4;

impl Sending {
    async fn run(self) -> HandlerResult {
        for _ in 0..ROUNDS {
            let ground = self.ground().await?;
            let reply = match ground.standing.is_human_handled {
                true => self.to_human(&ground).await?,
                false => self.to_assistant(ground).await?,
            };
            if let Some(reply) = reply {
                return Ok(reply);
            }
        }
        Err(ApiError::unavailable(
            1,
            "the conversation changed at every try",
        ))
    }

    async fn ground(&self) -> Result<Ground, ApiError> {
        let (caller, id, content) = (self.caller, self.id, self.sent.content.clone());
        let quota = self.app.settings.monthly_messages;
        let has_model = self.app.answer_providers.model.is_some();
        let read = move |snapshot: &Snapshot| {
            let assistant = assistant::of_key(snapshot, caller.project(), key_of(caller)?)?;
            let by_model = assistant.mode.uses_model(has_model);
            let turns = if by_model { TURNS } else { FEW_TURNS };
            let ground = Ground::read(snapshot, (caller, id), assistant, &content, turns)?;
            within_quota(snapshot, caller, quota)?;
            if by_model && !ground.standing.is_human_handled {
                check_plan(snapshot, caller.project())?;
            }
            Ok::<_, ApiError>(ground)
        };
        self.app.store.read(read).await
    }

    fn question(&self) -> turn::Question {
        let page = self.sent.page.clone().unwrap_or_default();
        turn::Question {
            id: MessageId::generate(),
            content: self.sent.content.clone(),
            page_url: page.url,
            page_title: page.title,
            text_selection: page.selection,
        }
    }

    fn turn(&self, standing: &Standing) -> turn::Turn {
        turn::Turn {
            conversation: standing.seq,
            project: self.caller.project(),
            at: Timestamp::now(),
        }
    }

    /// None: the conversation stands otherwise by now.
    async fn to_human(&self, ground: &Ground) -> Result<Option<HttpResponse>, ApiError> {
        let (turn, question) = (self.turn(&ground.standing), self.question());
        let body = Body::Kept(PASSED_ON.to_vec());
        let batch = turn.to_human(&question);
        let event = Some(self.event(&question, turn.at));
        let ran = self
            .once
            .run(&self.app, batch, StatusCode::ACCEPTED, body, None);
        let ran = told(&self.app, ran, self.topic(), event).await?;
        Ok((ran != Ran::Unchanged).then(passed_on))
    }

    /// None: the conversation stands otherwise by now.
    async fn to_assistant(&self, ground: Ground) -> Result<Option<HttpResponse>, ApiError> {
        let answerer = self
            .app
            .answer_providers
            .for_assistant(&ground.assistant)?
            .clone();
        let place = ground
            .place
            .unwrap_or_else(|| Place::After(Box::new(self.question())));
        let standing = ground.standing;
        let question = AnswerRequest {
            project: self.caller.project(),
            assistant: ground.assistant,
            messages: ground.turns,
            page: self.sent.page.clone(),
        };
        match answerer.answer(&self.app.store, question).await? {
            Answer::Complete(whole) => self.store_whole(&standing, &place, whole).await,
            Answer::Stream(pieces) => self.store_pieces(&standing, &place, pieces).await,
        }
    }

    async fn store_whole(
        &self,
        standing: &Standing,
        place: &Place,
        whole: CompleteAnswer,
    ) -> Result<Option<HttpResponse>, ApiError> {
        let answer = NewAnswer {
            id: MessageId::generate(),
            status: MessageStatus::Complete,
            text: whole.text.clone(),
            metadata: whole.finish.metadata(),
        };
        match self.store(standing, place, &answer)?.await? {
            Ran::Changed => whole_answer(answer.id, &whole, self.sent.stream).map(Some),
            Ran::Unchanged => Ok(None),
            Ran::Before => self.once_more().await.map(Some),
        }
    }

    async fn store_pieces(
        &self,
        standing: &Standing,
        place: &Place,
        pieces: AnswerStream,
    ) -> Result<Option<HttpResponse>, ApiError> {
        let answer = NewAnswer {
            id: MessageId::generate(),
            status: MessageStatus::Streaming,
            text: String::new(),
            metadata: None,
        };
        let entry = self.app.active_answers.register(standing.seq, answer.id);
        // Before the write: if this request is dropped in the middle of it, the
        // draft ends the answer.
        let draft = AnswerRecorder::new(entry, self.app.store.clone());
        // The model is asked while the question is being stored. Nothing of its
        // answer can overtake that: the write is in the queue already. Where it
        // stores nothing, the pieces are dropped.
        let stored = self.store(standing, place, &answer)?;
        let parts = spawn(
            pieces,
            Some(draft),
            self.app.settings.stream_timeouts.stalled_client,
        );
        match stored.await? {
            Ran::Changed => {}
            Ran::Unchanged => return Ok(None),
            Ran::Before => return self.once_more().await.map(Some),
        }
        match self.sent.stream {
            true => stream_answer(&self.app, Some(answer.id), parts)
                .await
                .map(Some),
            false => await_answer(parts).await.map(Some),
        }
    }

    /// Puts the write into the queue; the future tells how it went.
    fn store(
        &self,
        standing: &Standing,
        place: &Place,
        answer: &NewAnswer,
    ) -> Result<impl Future<Output = Result<Ran, ApiError>> + use<'_>, ApiError> {
        let turn = self.turn(standing);
        let event = match place {
            Place::After(question) => Some(self.event(question, turn.at)),
            Place::To(_) | Place::Instead(_) => None,
        };
        let batch = turn.answered(place, answer);
        let body = Body::Message(answer.id);
        let ran = self.once.run(&self.app, batch, StatusCode::OK, body, None);
        Ok(told(&self.app, ran, self.topic(), event))
    }

    /// What this is about, as listeners name it.
    fn topic(&self) -> (ProjectSeq, ConversationId) {
        (self.caller.project(), self.id)
    }

    async fn once_more(&self) -> HandlerResult {
        let before = self.once.before(&self.app).await?;
        let before = before.ok_or_else(|| ApiError::unavailable(1, "a request was forgotten"))?;
        again(&self.app, before, self.sent.stream).await
    }

    /// What whoever listens is told of a question.
    fn event(&self, question: &turn::Question, at: Timestamp) -> Event {
        let text = question.content.as_str();
        Event::NewMessage(SentMessage {
            page_url: question.page_url.clone(),
            page_title: question.page_title.clone(),
            text_selection: question.text_selection.clone(),
            ..SentMessage::new(question.id, self.id, Role::User, text, at)
        })
    }
}

// ── What is read first ──

/// What an answer stands on.
struct Ground {
    standing: Standing,
    assistant: Assistant,
    /// What was said so far, the question last.
    turns: Vec<ChatMessage>,
    /// Where the same question stands already, the newest that was said, and
    /// waits for an answer or had one that failed (section 0, D13).
    place: Option<Place>,
}

/// How many messages a model is shown at most, and how many the built-in
/// answerer, which looks at the last two things that the visitor said.
const TURNS: u32 = 60;
const FEW_TURNS: u32 = 6;

impl Ground {
    fn read(
        snapshot: &Snapshot,
        (caller, id): (Caller, ConversationId),
        assistant: Assistant,
        content: &MessageContent,
        most: u32,
    ) -> Result<Self, ApiError> {
        let standing = turn::standing(snapshot, caller.project(), id)?
            .ok_or_else(|| ApiError::conversation_not_found(id))?;
        caller.may_see(standing.visitor)?;
        if standing.status == Status::Closed {
            return Err(ApiError::conflict("conversation", "status")
                .with_message("The conversation is closed; start a new one"));
        }
        if standing.is_answering() {
            return Err(answering());
        }
        let failed = standing.failed_answer();
        let before = failed.map(|last| last.seq);
        let said = turn::history(snapshot, standing.seq, before, most)?;
        let repeated = said
            .last()
            .is_some_and(|(role, text)| *role == Role::User && text == content.as_str());
        let place = match (repeated, failed, standing.last) {
            (true, Some(failed), _) => Some(Place::Instead(failed.id)),
            (true, None, Some(last)) if last.role == Role::User => Some(Place::To(last.id)),
            _ => None,
        };
        let mut turns: Vec<_> = said.into_iter().map(turn_of).collect();
        if place.is_none() {
            turns.push(turn_of((Role::User, content.as_str().to_owned())));
        }
        Ok(Self {
            assistant,
            standing,
            turns,
            place,
        })
    }
}

fn key_of(caller: Caller) -> Result<KeySeq, ApiError> {
    match caller {
        Caller::Visitor { key, .. } => Ok(key),
        Caller::Server { .. } => Err(ApiError::internal("a private key was let through")),
    }
}

fn turn_of((role, text): turn::Said) -> ChatMessage {
    let role = match role {
        Role::User => ChatRole::User,
        Role::Assistant | Role::HumanAgent => ChatRole::Assistant,
    };
    ChatMessage {
        role,
        content: text,
    }
}

/// Section 0, D15.
fn within_quota(snapshot: &Snapshot, caller: Caller, quota: u64) -> Result<(), ApiError> {
    let now = Timestamp::now();
    if quota == 0 || turn::used(snapshot, caller.project(), now)? < quota {
        return Ok(());
    }
    Err(ApiError::rate_limited(now.seconds_until_next_month())
        .with_message("This month's messages are used up; the next month brings new ones"))
}
