//! The export of a project's conversations (docs/api-contract.md, section 4.19).

use actix_web::http::header::{
    self, Accept, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, Header, HeaderValue, VARY,
};
use actix_web::{HttpRequest, web};

use crate::app::AppState;
use crate::domain::Scope;
use crate::http::conversation_export::{ConversationExport, ExportFormat, ExportSource};
use crate::http::list_params::{ExportParams, PrivateListParams, check_search, export_request};
use crate::http::openapi_errors::{BearerErrors, ServerErrors, ValidationErrors};
use crate::http::response::{HandlerResult, insert_incomplete_results};
use crate::http::{auth, item_stream};
use crate::store::Snapshot;
use crate::store::conversation_walk::ConversationWalk;

/// Export conversations
///
/// Returns all conversations of the project with their visitors and messages, as one JSON
/// object on each line (`application/x-ndjson`), or as CSV with one row for each message if
/// `Accept` prefers `text/csv`. The response is streamed. If the connection closes before
/// the last chunk, the export is incomplete.
#[utoipa::path(get, path = "/conversations/export", tag = "Conversations", operation_id = "export-conversations",
    params(ExportParams, PrivateListParams), security(("private-key" = [])),
    responses((status = 200, description = "The conversations",
               content((ConversationExport = "application/x-ndjson"), (String = "text/csv"))),
              BearerErrors, ValidationErrors, ServerErrors))]
pub async fn export(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let list = export_request(request.query_string())?;
    let format = accepted_format(&request);
    let scope = Scope::Project(project);
    let has_few_matches = list.search.text.is_some() || list.search.is_waiting == Some(true);
    let (walk, is_partial) = if !has_few_matches {
        (ConversationWalk::new(scope, list), false)
    } else {
        check_search(&app.store, &list)?;
        let search = move |snapshot: &Snapshot| ConversationWalk::search(snapshot, scope, &list);
        app.store.search(search).await?
    };
    let source = ExportSource::new(format, walk);
    let step = item_stream::begin(&app.store, source).await?;
    let mut response = item_stream::stream(&app, &request, caller.into(), step)?;
    let (media_type, disposition) = match format {
        ExportFormat::Ndjson => (
            "application/x-ndjson",
            "attachment; filename=\"conversations.ndjson\"",
        ),
        ExportFormat::Csv => (
            "text/csv; charset=utf-8",
            "attachment; filename=\"conversations.csv\"",
        ),
    };
    insert_incomplete_results(&mut response, is_partial);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Authorization, Accept"));
    Ok(response)
}

/// CSV if the client prefers it. The API has no 406: a client that accepts neither format
/// gets lines of JSON.
fn accepted_format(request: &HttpRequest) -> ExportFormat {
    let Ok(accept) = Accept::parse(request) else {
        return ExportFormat::Ndjson;
    };
    if quality(&accept, "text", "csv") > quality(&accept, "application", "x-ndjson") {
        ExportFormat::Csv
    } else {
        ExportFormat::Ndjson
    }
}

/// The quality of a media type: that of the most specific range that includes it.
fn quality(accept: &Accept, kind: &str, subtype: &str) -> Option<header::Quality> {
    let ranges = accept.0.iter().filter_map(|range| {
        let specificity = match (range.item.type_().as_str(), range.item.subtype().as_str()) {
            (one, other) if one == kind && other == subtype => 2,
            (one, "*") if one == kind => 1,
            ("*", "*") => 0,
            _ => return None,
        };
        Some((specificity, range.quality))
    });
    let best = ranges.max_by_key(|(specificity, _)| *specificity);
    best.map(|(_, quality)| quality)
        .filter(|quality| *quality > header::Quality::ZERO)
}
