//! The parameters of a list of conversations.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::Cursors;
use crate::domain::{
    Direction, ExternalId, Limit, ListFilter, ListQuery, ListRequest, Offset, Scope, SearchFilter,
    Sort, Status, VisitorFilter, VisitorId,
};
use crate::http::error::ApiError;
use crate::http::field_types::{Flag, ListInclude, Text, Time};
use crate::http::params::parse_query;
use crate::store::Store;

/// The parameters for every caller.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ConversationListParams {
    /// The maximum number of conversations in the response.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The number of conversations to skip.
    #[serde(default)]
    #[param(inline)]
    offset: Offset,
    /// Only conversations of this status.
    status: Option<Status>,
    /// The field to order by. Ties are ordered by `id` in the same direction.
    /// Nulls come last in both directions.
    #[serde(default)]
    order_by: Sort,
    /// The direction of the order.
    #[serde(default)]
    order_dir: Direction,
    /// The cursor of a `next` link: the page begins after the last row of the
    /// page with that link. A cursor is valid for the same caller, filters,
    /// `orderBy` and `orderDir`, with any `limit`, and does not expire. A row
    /// that does not move in the order is returned exactly once, even if rows
    /// are inserted meanwhile. `offset` counts from the cursor, up to 1000.
    /// Empty and `null` begin with the first row.
    after: Option<String>,
}

/// The parameters for private keys. For a session token they are unknown
/// parameters (docs/api-contract.md, D25).
#[derive(Deserialize, IntoParams, Default)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PrivateListParams {
    /// With a private key: only conversations that an agent handles, or only the
    /// others.
    #[param(inline)]
    is_human_handled: Option<Flag>,
    /// With a private key: only conversations that wait for a person, or only the others.
    #[param(inline)]
    waiting: Option<Flag>,
    /// With a private key: only conversations of the visitor with this `id`.
    visitor_id: Option<VisitorId>,
    /// With a private key: only conversations of the visitor whom the website knows by
    /// this id.
    #[param(inline)]
    external_id: Option<ExternalId>,
    /// With a private key: only conversations with a message or a title that contains all
    /// of these words. `"words in quotes"` are a phrase, `or` separates alternatives,
    /// `-word` excludes messages with a word, and the last word can be the beginning of a
    /// word. Case and accents do not matter. The response has the header
    /// `X-Incomplete-Results` if matches may be missing, because many messages, such as
    /// those of an import, are still being indexed.
    #[serde(default)]
    #[param(inline)]
    q: Text<0, 300>,
    /// With a private key: only conversations that were created at this time or later. A date
    /// alone is midnight in UTC.
    #[param(inline)]
    created_after: Option<Time>,
    /// With a private key: only conversations that were created before this time. A date
    /// alone is midnight in UTC.
    #[param(inline)]
    created_before: Option<Time>,
}

/// What a private key adds to each conversation.
#[derive(Deserialize, IntoParams, Default)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct IncludeParams {
    /// With a private key: `visitor` adds the visitor of a conversation.
    #[param(inline)]
    include: Option<ListInclude>,
}

/// The order of an export, and the filter of a list that is not for private keys only.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ExportParams {
    /// Only conversations of this status.
    status: Option<Status>,
    /// The field to order by, as in a list. Conversations that move in the order during
    /// the export can be missing or occur twice, so the default is a field that does not
    /// change.
    #[serde(default = "default_export_order")]
    #[param(inline, default = "createdAt")]
    order_by: Sort,
    /// The direction of the order.
    #[serde(default = "default_export_direction")]
    #[param(inline, default = "asc")]
    order_dir: Direction,
}

fn default_export_order() -> Sort {
    Sort::CreatedAt
}

fn default_export_direction() -> Direction {
    Direction::Ascending
}

/// Parses the query string of a list of `scope` and verifies its cursor. A private key
/// has the scope of a project.
///
/// # Errors
/// 422 for an invalid parameter.
pub fn list_request(query: &str, scope: Scope, cursors: &Cursors) -> Result<ListRequest, ApiError> {
    let params: ConversationListParams = parse_query(query)?;
    let (private, includes_visitor) = match scope {
        Scope::Project(_) => (parse_query(query)?, includes_visitor(query)?),
        Scope::Visitor(_) => (PrivateListParams::default(), false),
    };
    let after = params.after.clone();
    let mut list = private.restrict(params);
    list.includes_visitor = includes_visitor;
    let cursor = after.filter(|text| !text.is_empty() && text != "null");
    if let Some(cursor) = cursor {
        let after = cursors.verify(scope, &list, &cursor)?;
        list.query.offset.check_after_cursor()?;
        list.query.after = Some(after);
    }
    Ok(list)
}

/// Whether the query string of staff asks for the visitor of a conversation.
///
/// # Errors
/// 422 for an invalid parameter.
pub fn includes_visitor(query: &str) -> Result<bool, ApiError> {
    let params: IncludeParams = parse_query(query)?;
    Ok(params.include == Some(ListInclude::Visitor))
}

/// Refuses a search for words if the server has no index of messages.
///
/// # Errors
/// 422.
pub fn check_search(store: &Store, request: &ListRequest) -> Result<(), ApiError> {
    if request.search.text.is_none() || store.has_search_index() {
        return Ok(());
    }
    let reason = "is not available: the server runs with --search-messages false";
    Err(ApiError::validation("q", reason))
}

/// Parses the query string of an export of a project's conversations.
///
/// # Errors
/// 422 for an invalid parameter.
pub fn export_request(query: &str) -> Result<ListRequest, ApiError> {
    let params: ExportParams = parse_query(query)?;
    let private: PrivateListParams = parse_query(query)?;
    Ok(private.restrict(ConversationListParams {
        limit: Limit::LARGEST,
        offset: Offset::default(),
        status: params.status,
        order_by: params.order_by,
        order_dir: params.order_dir,
        after: None,
    }))
}

impl PrivateListParams {
    /// The request without the cursor.
    fn restrict(self, params: ConversationListParams) -> ListRequest {
        let filter = ListFilter {
            status: params.status,
            is_human_handled: self.is_human_handled.map(|Flag(flag)| flag),
        };
        let query = ListQuery {
            filter,
            sort: params.order_by,
            direction: params.order_dir,
            limit: params.limit,
            offset: params.offset,
            after: None,
        };
        let visitor = VisitorFilter {
            id: self.visitor_id,
            external_id: self.external_id,
        };
        let text = Some(self.q.0).filter(|text| !text.trim().is_empty());
        let search = SearchFilter {
            text,
            created_after: self.created_after.map(|Time(time)| time),
            created_before: self.created_before.map(|Time(time)| time),
            is_waiting: self.waiting.map(|Flag(flag)| flag),
        };
        ListRequest {
            query,
            visitor,
            search,
            includes_visitor: false,
        }
    }
}
