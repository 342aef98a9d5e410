//! Search in the documents and Q&As of a project
//! (docs/api-contract.md, sections 4.12 and 5.7).

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::{IntoParams, ToSchema};

use crate::answer::embedding::{SemanticQueries, semantic_queries};
use crate::answer::retrieval::{self, IndexCache, PassageHit, PassageSource, SearchInput};
use crate::app::AppState;
use crate::domain::{ProjectId, ProjectSeq, SearchLimit};
use crate::http::error::ApiError;
use crate::http::field_types::Text;
use crate::http::openapi_errors::{KeyErrors, RateLimitErrors, ServerErrors, ValidationErrors};
use crate::http::params::{self, KeyParams};
use crate::http::response::HandlerResult;
use crate::http::{auth, base_url, etag};
use crate::learn::excerpt;
use crate::store::{Snapshot, document, project};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchParams {
    /// The question or the words to search for.
    #[serde(default)]
    #[param(inline, required)]
    q: Option<SearchText>,
    /// The maximum number of results in the response.
    #[serde(default)]
    #[param(inline)]
    size: SearchLimit,
}

type SearchText = Text<1, 500>;

/// The results, best first.
#[derive(Serialize, ToSchema)]
pub struct SearchResults {
    /// The passages, best first.
    results: Vec<SearchResult>,
}

/// A passage of a page, or a Q&A.
#[derive(Serialize, ToSchema)]
pub struct SearchResult {
    /// The relevance. 1 is the best.
    #[schema(minimum = 0, maximum = 1)]
    score: f64,
    /// The title of the page, or the question.
    title: String,
    /// The beginning of the passage, without formatting.
    #[schema(max_length = 300)]
    content: String,
    /// The path of `url`.
    path: String,
    /// The address of the page or the Q&A.
    #[schema(format = "uri")]
    url: String,
}

/// The maximum length of the content of a result, in characters.
const MAX_EXCERPT_CHARS: usize = 300;

/// Search documents and Q&As
///
/// Searches the documents and Q&As of the project.
#[utoipa::path(get, path = "/search", tag = "Search", operation_id = "search",
    params(SearchParams, KeyParams), responses((status = 200, description = "The results", body = SearchResults),
              KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn search(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    auth::limit_public_request(&app, &request).await?;
    let key: KeyParams = params::query(&request)?;
    let key = auth::publishable_key(&app, &request, key.api_key()?).await?;
    let SearchParams { q, size } = params::query(&request)?;
    let text = q.map_or_else(|| SearchText::parse("q", ""), Ok)?.0;
    let (project, server) = (key.project, base_url::of(&app, &request).to_string());
    let index_cache = app.index_cache.clone();
    let texts = [text];
    let semantic = semantic_queries(app.semantic.as_ref(), project, &texts).await;
    let find = move |snapshot: &Snapshot| {
        let addresses = ResultAddresses::new(snapshot, project, server)?;
        results(&addresses, &texts[0], &semantic, size, &index_cache)
    };
    let results = app.store.read(find).await?;
    let owner = auth::address_owner(&app, &request);
    etag::respond(&app, &request, owner, serde_json::to_vec(&results)?)
}

fn results(
    addresses: &ResultAddresses,
    text: &str,
    semantic: &SemanticQueries,
    size: SearchLimit,
    index_cache: &IndexCache,
) -> Result<SearchResults, ApiError> {
    let ResultAddresses { snapshot, seq, .. } = addresses;
    let rankings = semantic.rank(&[text.to_owned()]);
    let input = SearchInput {
        text,
        semantic: &rankings,
        ..SearchInput::default()
    };
    let ranked = retrieval::search_input(snapshot, *seq, &input, size.get(), index_cache)?;
    let results = ranked.hits.into_iter().map(|hit| addresses.result(hit));
    Ok(SearchResults {
        results: results.collect::<Result<_, _>>()?,
    })
}

/// Finds the addresses of results.
struct ResultAddresses<'s> {
    snapshot: &'s Snapshot<'s>,
    seq: ProjectSeq,
    id: ProjectId,
    /// The base URL of this server.
    server: String,
}

impl<'s> ResultAddresses<'s> {
    fn new(snapshot: &'s Snapshot<'s>, seq: ProjectSeq, server: String) -> Result<Self, ApiError> {
        let id = project::read(snapshot, seq)?.id;
        Ok(Self {
            snapshot,
            seq,
            id,
            server,
        })
    }

    fn result(&self, hit: PassageHit) -> Result<SearchResult, ApiError> {
        let (url, path) = self.address(&hit.source)?;
        Ok(SearchResult {
            score: hit.score.clamp(0.0, 1.0),
            content: excerpt(&hit.body, MAX_EXCERPT_CHARS),
            title: hit.title,
            path,
            url,
        })
    }

    /// The URL of a page and the path in it. A page without a web address has
    /// one on this server.
    fn address(&self, source: &PassageSource) -> Result<(String, String), ApiError> {
        let project = format!("/v2/projects/{}", self.id);
        let path = match source {
            PassageSource::Qna { id } => format!("{project}/qnas/{id}"),
            PassageSource::Document { url } if is_web_address(url) => {
                let path = Url::parse(url).map(|url| url.path().to_owned());
                return Ok((url.clone(), path.unwrap_or_default()));
            }
            PassageSource::Document { url } => {
                match document::find_id_by_url(self.snapshot, self.seq, url)? {
                    Some(id) => format!("{project}/documents/{id}"),
                    None => format!("{project}/documents"),
                }
            }
        };
        Ok((format!("{}{path}", self.server), path))
    }
}

fn is_web_address(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}
