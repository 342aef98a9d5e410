//! Documents: what the project learned, for its private key.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::{IntoParams, ToSchema};

use crate::app::AppState;
use crate::domain::{
    Document, DocumentId, LearnedDocument, Limit, MAX_DOCUMENT_DESCRIPTION_CHARS,
    MAX_HEADING_CHARS, Offset, ProjectId, ProjectSeq, Section, without_userinfo,
};
use crate::http::body::{JsonBody, NoFields};
use crate::http::error::ApiError;
use crate::http::field_types::{Text, Uri, not_null};
use crate::http::item_stream::{ItemBody, ItemSource};
use crate::http::json::{DocumentJson, SectionJson};
use crate::http::list_response::{ListEnvelope, ListItem, ListWriter};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, DocumentErrors, ProjectErrors, ServerErrors,
    ValidationErrors,
};
use crate::http::params::{self, document_id, project_id};
use crate::http::response::{self, DeleteResult, HandlerResult};
use crate::http::{auth, idempotency, links};
use crate::learn::{Format, RawDocument};
use crate::service::caller::Caller;
use crate::service::document as service;
use crate::store::Snapshot;
use crate::store::document::{self, DocumentRows, SectionCursor};
use crate::store::idempotency::SavedResponse;

// ── Parameters ──

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct DocumentListParams {
    /// The maximum number of documents in the response.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The number of documents to skip.
    #[serde(default)]
    #[param(inline)]
    offset: Offset,
}

/// A page to learn.
#[derive(Deserialize, ToSchema)]
pub struct NewDocumentRequest {
    /// The address. It replaces a document with the same address.
    #[schema(inline)]
    url: Uri,
    /// The default is the title in the content.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    title: Option<DocumentTitle>,
    /// A summary of the page, which search uses and answers do not quote. The default is the
    /// description in the content.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    description: Option<DocumentDescription>,
    /// The text of the page in the format `format`.
    content: String,
    /// The format of `content`.
    #[serde(default)]
    format: Format,
}

type DocumentTitle = Text<1, { MAX_HEADING_CHARS - 1 }>;

type DocumentDescription = Text<0, MAX_DOCUMENT_DESCRIPTION_CHARS>;

impl NewDocumentRequest {
    /// The document to learn, and what replaces its own title and description.
    fn into_document(self) -> (RawDocument, Replacements) {
        let document = RawDocument {
            url: normalized_address(self.url.0),
            name: "Untitled".to_owned(),
            format: self.format,
            charset: Some("utf-8".to_owned()),
            bytes: self.content.into_bytes(),
            folder: None,
        };
        let replacements = Replacements {
            title: self.title.map(|title| title.0),
            description: self.description.map(|description| description.0),
        };
        (document, replacements)
    }
}

/// What replaces the title and the description of a document.
struct Replacements {
    title: Option<String>,
    description: Option<String>,
}

impl Replacements {
    fn apply(self, document: Document) -> Document {
        Document {
            title: self.title.unwrap_or(document.title),
            description: self.description.unwrap_or(document.description),
            ..document
        }
    }
}

/// Normalises an address, so that each page has one address. Removes user name and
/// password.
fn normalized_address(address: String) -> String {
    let url = Url::parse(&address).map(|mut url| {
        url.set_fragment(None);
        without_userinfo(url).into()
    });
    url.unwrap_or(address)
}

// ── Responses ──

/// A page of documents.
type DocumentList = ListEnvelope<DocumentJson<'static>>;

impl ListItem for DocumentJson<'_> {
    const LIST_NAME: &'static str = "DocumentList";
    const LIST_DESCRIPTION: &'static str = "One page of documents, by address.";
}

/// A document with its sections.
#[derive(Serialize, ToSchema)]
pub struct DocumentFull<'a> {
    #[serde(flatten)]
    document: DocumentJson<'a>,
    /// In the order of the text.
    sections: Vec<SectionJson<'a>>,
}

impl<'a> DocumentFull<'a> {
    fn new(document: &LearnedDocument<'a>, sections: &'a [Section]) -> Self {
        Self {
            document: DocumentJson::from(document),
            sections: sections.iter().map(SectionJson::from).collect(),
        }
    }
}

// ── Handlers ──

/// List documents
///
/// Returns the documents of the project, ordered by address.
#[utoipa::path(get, path = "/projects/{projectId}/documents", tag = "Documents", operation_id = "get-documents",
    params(("projectId" = ProjectId, Path), DocumentListParams), security(("private-key" = [])),
    responses((status = 200, description = "A page of documents", body = DocumentList),
              BearerErrors, ProjectErrors, ValidationErrors, ServerErrors))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let project = auth::own_project(&app, &request).await?;
    let DocumentListParams { limit, offset } = params::query(&request)?;
    let page = move |snapshot: &Snapshot| read_page(snapshot, project, limit, offset);
    let (body, total) = app.store.read(page).await?;
    let (id, limit) = (project_id(&request)?, limit.get());
    let links = links::by_offset(limit, offset.get(), total, |offset| {
        format!("/v2/projects/{id}/documents?limit={limit}&offset={offset}")
    });
    body.respond_page(&app, &request, project.into(), total, links)
}

/// The documents of a page, and the number of documents on all pages.
fn read_page(
    snapshot: &Snapshot,
    project: ProjectSeq,
    limit: Limit,
    offset: Offset,
) -> Result<(ItemBody<DocumentRows>, u64), ApiError> {
    let total = document::count(snapshot, project)?;
    let list = ListWriter::for_page(total, limit, offset)?;
    let rows = document::page_rows(snapshot, project, limit, offset)?;
    Ok((ItemBody::read(snapshot, list, rows)?, total))
}

impl ItemSource for DocumentRows {
    fn append(
        &mut self,
        snapshot: &Snapshot,
        list: &mut ListWriter,
        max_bytes: usize,
    ) -> Result<bool, ApiError> {
        self.read(snapshot, |document| {
            list.push(&DocumentJson::from(document))?;
            Ok(list.flow(max_bytes))
        })
    }
}

/// Learn a document
///
/// Replaces the document with the same address (200) or adds a document (201).
#[utoipa::path(post, path = "/projects/{projectId}/documents", tag = "Documents", operation_id = "create-document",
    params(("projectId" = ProjectId, Path)), request_body = NewDocumentRequest,
    security(("private-key" = [])),
    responses((status = 201, description = "The document is new", body = DocumentFull),
              (status = 200, description = "The document with this address was replaced", body = DocumentFull),
              BodyErrors, BearerErrors, ProjectErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let project = auth::own_project(&app, &request).await?;
    let body =
        JsonBody::<NewDocumentRequest>::read(&app, &request, payload, project.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, Caller::Server { project })?;
    let (raw, replacements) = body.value.into_document();
    let hash = raw.hash();
    // Converting a large page takes long.
    let converted = web::block(move || raw.convert_ignoring_directives()).await;
    let converted = converted.map_err(ApiError::internal)?;
    let document = replacements.apply(converted);
    let store = service::store(&app.services, project, &document, hash, &key, render_stored);
    idempotency::respond(&app, &key, store).await
}

fn render_stored(
    document: &LearnedDocument<'_>,
    sections: &[Section],
    is_new: bool,
) -> SavedResponse {
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    response::to_saved(status, &DocumentFull::new(document, sections))
}

fn read_document(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: DocumentId,
) -> Result<ItemBody<SectionCursor>, ApiError> {
    let found = document::with_document(snapshot, project, id, |document| {
        serde_json::to_vec(&DocumentJson::from(document))
    })?;
    let (head, sections) = found.ok_or_else(|| ApiError::document_not_found(id))?;
    let list = ListWriter::last_member(head?, "sections");
    ItemBody::read(snapshot, list, sections)
}

impl ItemSource for SectionCursor {
    fn append(
        &mut self,
        snapshot: &Snapshot,
        list: &mut ListWriter,
        max_bytes: usize,
    ) -> Result<bool, ApiError> {
        self.read(snapshot, |section| {
            list.push(&SectionJson::from(section))?;
            Ok(list.flow(max_bytes))
        })
    }
}

/// Read a document
///
/// Returns the document with its sections.
#[utoipa::path(get, path = "/projects/{projectId}/documents/{documentId}", tag = "Documents", operation_id = "get-document",
    params(("projectId" = ProjectId, Path), ("documentId" = DocumentId, Path)),
    security(("private-key" = [])), responses((status = 200, description = "The document with its sections", body = DocumentFull),
              BearerErrors, DocumentErrors, ValidationErrors, ServerErrors))]
pub async fn read(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let project = auth::own_project(&app, &request).await?;
    let id = document_id(&request)?;
    let read = move |snapshot: &Snapshot| read_document(snapshot, project, id);
    let body = app.store.read(read).await?;
    body.respond(&app, &request, project.into())
}

/// Remove a document
///
/// Search and answers no longer use it.
#[utoipa::path(delete, path = "/projects/{projectId}/documents/{documentId}", tag = "Documents", operation_id = "delete-document",
    params(("projectId" = ProjectId, Path), ("documentId" = DocumentId, Path)),
    security(("private-key" = [])), responses((status = 200, description = "The document is removed", body = DeleteResult),
              BodyErrors, BearerErrors, DocumentErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn remove(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let project = auth::own_project(&app, &request).await?;
    let id = document_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, project.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, Caller::Server { project })?;
    let done = response::to_saved(StatusCode::OK, &DeleteResult::SUCCESS);
    let delete = service::delete(&app.services, project, id, &key, done);
    idempotency::respond(&app, &key, delete).await
}
