//! The parameters of a list of conversations.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::Cursors;
use crate::domain::{
    Direction, ExternalId, Limit, ListFilter, ListQuery, ListRequest, Offset, Scope, Sort, Status,
    VisitorFilter, VisitorId,
};
use crate::http::error::ApiError;
use crate::http::field_types::{Flag, ListInclude};
use crate::http::params::parse_query;

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
    /// With a private key: only conversations of the visitor with this `id`.
    visitor_id: Option<VisitorId>,
    /// With a private key: only conversations of the visitor whom the website knows by
    /// this id.
    #[param(inline)]
    external_id: Option<ExternalId>,
    /// With a private key: `visitor` adds the visitor to each conversation.
    #[param(inline)]
    include: Option<ListInclude>,
}

/// Parses the query string of a list of `scope` and verifies its cursor. A private key
/// has the scope of a project.
///
/// # Errors
/// 422 for an invalid parameter.
pub fn list_request(query: &str, scope: Scope, cursors: &Cursors) -> Result<ListRequest, ApiError> {
    let params: ConversationListParams = parse_query(query)?;
    let private = match scope {
        Scope::Project(_) => parse_query(query)?,
        Scope::Visitor(_) => PrivateListParams::default(),
    };
    let after = params.after.clone();
    let mut list = private.restrict(params);
    let cursor = after.filter(|text| !text.is_empty() && text != "null");
    if let Some(cursor) = cursor {
        let after = cursors.verify(scope, &list, &cursor)?;
        list.query.offset.check_after_cursor()?;
        list.query.after = Some(after);
    }
    Ok(list)
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
        ListRequest {
            query,
            visitor,
            includes_visitor: self.include == Some(ListInclude::Visitor),
        }
    }
}
