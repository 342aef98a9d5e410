//! Parameters of the path and of the query.

use std::borrow::Cow;

use actix_web::HttpRequest;
use url::form_urlencoded;

use crate::domain::{ConversationId, DocumentId, MessageId, ProjectId, QnaId, ValidationError};
use crate::http::error::ApiError;

/// The parameters of a query string. Unknown ones are ignored (section 0, D4).
pub struct Query<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

impl<'q> Query<'q> {
    pub fn of(request: &'q HttpRequest) -> Self {
        Self(form_urlencoded::parse(request.query_string().as_bytes()).collect())
    }

    /// The value of a parameter, if it is there.
    ///
    /// # Errors
    /// 422 where it is there twice.
    pub fn get(&self, name: &'static str) -> Result<Option<&str>, ValidationError> {
        let mut values = self.0.iter().filter(|(given, _)| given == name);
        let value = values.next().map(|(_, value)| value.as_ref());
        match values.next() {
            None => Ok(value),
            Some(_) => Err(ValidationError::new(name, "must be given once")),
        }
    }

    /// The publishable key, which has to be there (section 0, D6).
    pub fn api_key(&self) -> Result<&str, ValidationError> {
        let given = self.get("apiKey")?.filter(|key| !key.is_empty());
        given.ok_or_else(|| ValidationError::new("apiKey", "must be a publishable key"))
    }

    /// The value of a parameter as `parse` reads it, or its default.
    pub fn parsed<T: Default>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, ValidationError>,
    ) -> Result<T, ValidationError> {
        self.get(name)?.map_or_else(|| Ok(T::default()), parse)
    }
}

/// The conversation that the path names.
pub fn conversation_id(request: &HttpRequest) -> Result<ConversationId, ApiError> {
    in_path(request, "conversationId", ConversationId::parse)
}

/// The project that the path names.
pub fn project_id(request: &HttpRequest) -> Result<ProjectId, ApiError> {
    in_path(request, "projectId", ProjectId::parse)
}

/// The Q&A that the path names.
pub fn qna_id(request: &HttpRequest) -> Result<QnaId, ApiError> {
    in_path(request, "qnaId", QnaId::parse)
}

/// The document that the path names.
pub fn document_id(request: &HttpRequest) -> Result<DocumentId, ApiError> {
    in_path(request, "documentId", DocumentId::parse)
}

fn in_path<T>(
    request: &HttpRequest,
    name: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, ApiError> {
    let id = parse(request.match_info().query(name));
    Ok(id.ok_or_else(|| ValidationError::new(name, UUID_EXPECTED))?)
}

/// The message that the path names.
pub fn message_id(request: &HttpRequest) -> Result<MessageId, ApiError> {
    in_path(request, "messageId", MessageId::parse)
}

pub const UUID_EXPECTED: &str = "must be a UUID such as 123e4567-e89b-12d3-a456-426614174000";
