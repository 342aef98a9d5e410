//! Classifies a failed request to the model: the error for the log, and whether to
//! retry.

use std::error::Error;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::time;

use super::chunk::{error_message, log_excerpt};
use crate::address_policy::PrivateHost;
use crate::answer::AnswerError;
use crate::retry_after::retry_after;

/// The value of `retryAfter` if the server does not send `Retry-After`, in
/// seconds.
pub const DEFAULT_RETRY_AFTER_SECS: u64 = 30;
/// The maximum value of `Retry-After` that is used, in seconds.
const MAX_RETRY_AFTER_SECS: u64 = 3600;
/// The maximum value of `Retry-After` for which the request is retried while the
/// visitor waits, in seconds.
const MAX_RETRY_DELAY_SECS: u64 = 2;

/// A failed request.
#[derive(Debug)]
pub struct UpstreamError {
    pub error: AnswerError,
    pub retry: RetryDecision,
}

#[derive(Debug, PartialEq, Eq)]
pub enum RetryDecision {
    Never,
    /// Retry after at least this time.
    After(Duration),
    /// Retry until the deadline: the server loads the model.
    WhileLoading,
    /// The server rejected the request, and may accept another one. The text is its error.
    Rejected(String),
}

impl UpstreamError {
    fn permanent(text: String) -> Self {
        Self {
            error: AnswerError::ModelFailed(text),
            retry: RetryDecision::Never,
        }
    }
}

/// Classifies a request without a response: no connection, or a broken one.
pub fn classify_transport_error(error: &reqwest::Error) -> UpstreamError {
    let text = format!("it cannot be reached: {}", error_causes(error));
    if is_private_address(error) {
        return UpstreamError::permanent(format!("{text}; --model-private-network allows that"));
    }
    let error = if error.is_timeout() {
        AnswerError::Unavailable {
            retry_after_secs: DEFAULT_RETRY_AFTER_SECS,
            cause: text,
        }
    } else {
        AnswerError::ModelFailed(text)
    };
    UpstreamError {
        error,
        retry: RetryDecision::After(Duration::ZERO),
    }
}

/// Whether the address belongs to a private network, which is not allowed.
pub fn is_private_address(error: &reqwest::Error) -> bool {
    sources(error).any(|source| source.is::<PrivateHost>())
}

/// Returns the sources of an error, the direct one first.
fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let source = next?;
        next = source.source();
        Some(source)
    })
}

/// Returns the texts of the sources of an error. Its own text is left out because
/// it contains the URL, which can hold a secret.
pub fn error_causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    for source in sources(error).map(ToString::to_string) {
        // Some errors repeat the text of their source.
        if !text.contains(&source) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&source);
        }
    }
    if text.is_empty() {
        return "the connection broke".to_owned();
    }
    log_excerpt(&text)
}

/// Checks that a response is not compressed.
///
/// # Errors
/// Returns an error for a compressed response, because no request allows that.
pub fn check_encoding(response: &Response) -> Result<(), UpstreamError> {
    let encoding = response.headers().get(CONTENT_ENCODING);
    match encoding.map(|value| String::from_utf8_lossy(value.as_bytes())) {
        Some(encoding) if !encoding.is_empty() && encoding != "identity" => {
            let encoding = log_excerpt(&encoding);
            Err(UpstreamError::permanent(format!(
                "its response is compressed ({encoding}), which parlor did not request; turn the \
                 compression of the server or proxy off"
            )))
        }
        _ => Ok(()),
    }
}

/// Classifies a response without a success status. Reads the beginning of its
/// body.
pub async fn classify_response(response: Response) -> UpstreamError {
    let status = response.status();
    let retry_after = retry_after_secs(response.headers(), SystemTime::now(), MAX_RETRY_AFTER_SECS);
    // The body can quote parts of a rejected key.
    let body = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => String::new(),
        _ => read_beginning(response).await,
    };
    classify(status, retry_after, &body)
}

fn classify(status: StatusCode, retry_after: Option<u64>, body: &str) -> UpstreamError {
    let summary = summarize(body);
    let text = |hint: &str| format!("it answers {}{hint}{summary}", status.as_u16());
    match status.as_u16() {
        400 if is_unknown_model(body) => UpstreamError::permanent(text("; check --model")),
        400 | 413 | 422 => UpstreamError {
            error: AnswerError::ModelFailed(text("; check the model's settings")),
            retry: RetryDecision::Rejected(body.to_owned()),
        },
        401 | 403 => UpstreamError::permanent(text("; check --model-key")),
        404 => UpstreamError::permanent(text(
            "; check --model-url, which often ends in /v1, and --model",
        )),
        300..=399 => {
            UpstreamError::permanent(text(", a redirect; set --model-url to where it leads"))
        }
        503 if is_loading(body) => unavailable(retry_after, text(""), RetryDecision::WhileLoading),
        429 | 503 | 529 => unavailable(retry_after, text(""), overload_retry(retry_after)),
        408 | 504 => unavailable(retry_after, text(""), RetryDecision::Never),
        500 | 502 => UpstreamError {
            error: AnswerError::ModelFailed(text("")),
            retry: RetryDecision::After(Duration::ZERO),
        },
        _ => UpstreamError::permanent(text("")),
    }
}

fn unavailable(retry_after: Option<u64>, cause: String, retry: RetryDecision) -> UpstreamError {
    UpstreamError {
        error: AnswerError::Unavailable {
            retry_after_secs: retry_after.unwrap_or(DEFAULT_RETRY_AFTER_SECS),
            cause,
        },
        retry,
    }
}

fn overload_retry(retry_after: Option<u64>) -> RetryDecision {
    match retry_after {
        Some(seconds) if seconds > MAX_RETRY_DELAY_SECS => RetryDecision::Never,
        _ => RetryDecision::After(Duration::from_secs(retry_after.unwrap_or(0))),
    }
}

/// Returns the error message of a response without a success status, for the log: empty, or
/// with a colon before it.
pub async fn error_summary(response: Response) -> String {
    summarize(&read_beginning(response).await)
}

/// Returns the error message of a body, or the beginning of the body, for the log.
fn summarize(body: &str) -> String {
    let summary = match serde_json::from_str::<Value>(body) {
        Ok(json) => error_message(json.get("error").unwrap_or(&json)),
        Err(_) => log_excerpt(body),
    };
    if summary.is_empty() {
        return summary;
    }
    format!(": {summary}")
}

/// Whether an error says that the server does not have the model.
fn is_unknown_model(body: &str) -> bool {
    const UNKNOWN: [&str; 5] = [
        "unknown model",
        "model_not_found",
        "model not found",
        "invalid model",
        "does not exist",
    ];
    let body = body.to_lowercase();
    UNKNOWN.iter().any(|words| body.contains(words))
}

/// Whether an error says that the server is still loading the model.
fn is_loading(body: &str) -> bool {
    body.to_lowercase().contains("loading")
}

/// Returns the value of `Retry-After` in seconds, from 1 to `max`.
pub fn retry_after_secs(headers: &HeaderMap, now: SystemTime, max: u64) -> Option<u64> {
    let delay = retry_after(headers, now)?;
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    Some(seconds.clamp(1, max))
}

/// The limits for reading the body of an error response.
const MAX_ERROR_BODY_BYTES: usize = 4096;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns the beginning of the body, within the limits.
async fn read_beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    let _ = time::timeout(ERROR_BODY_TIMEOUT, async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let remaining = MAX_ERROR_BODY_BYTES - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(remaining)]);
            if bytes.len() == MAX_ERROR_BODY_BYTES {
                break;
            }
        }
    })
    .await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderValue, RETRY_AFTER};

    use super::*;

    fn parsed_retry_after(text: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).expect("a value"));
        // Tue, 15 Nov 1994 08:12:31 GMT
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_887_151);
        retry_after_secs(&headers, now, MAX_RETRY_AFTER_SECS)
    }

    #[test]
    fn retry_after_accepts_seconds_and_dates() {
        assert_eq!(parsed_retry_after("7"), Some(7));
        assert_eq!(parsed_retry_after("0"), Some(1));
        assert_eq!(parsed_retry_after("99999999"), Some(3600));
        assert_eq!(
            parsed_retry_after("Tue, 15 Nov 1994 08:12:51 GMT"),
            Some(20)
        );
        assert_eq!(parsed_retry_after("Tue, 15 Nov 1994 08:12:01 GMT"), Some(1));
        assert_eq!(
            parsed_retry_after("Tue, 15 Nov 2044 08:12:01 GMT"),
            Some(3600)
        );
        assert_eq!(parsed_retry_after("soon"), None);
        assert_eq!(parsed_retry_after("-1"), None);
    }

    fn classified(status: u16, retry_after: Option<u64>, body: &str) -> UpstreamError {
        let status = StatusCode::from_u16(status).expect("a status");
        classify(status, retry_after, body)
    }

    #[test]
    fn only_temporary_failures_are_retried() {
        for (status, is_retried) in [
            (500, true),
            (502, true),
            (503, true),
            (429, true),
            (504, false),
            (401, false),
            (403, false),
            (404, false),
            (307, false),
            (418, false),
        ] {
            let failure = classified(status, None, "");
            assert_eq!(
                failure.retry == RetryDecision::After(Duration::ZERO),
                is_retried,
                "{status}"
            );
        }
        assert_eq!(
            classified(429, Some(2), "").retry,
            RetryDecision::After(Duration::from_secs(2))
        );
        assert_eq!(classified(429, Some(3), "").retry, RetryDecision::Never);
    }

    #[test]
    fn host_name_of_a_private_address_is_not_requested() {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("a runtime");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy();
        let client = client.dns_resolver(crate::address_policy::PublicResolver);
        let client = client.build().expect("a client");
        let response = runtime.block_on(client.get("http://localhost:9/").send());
        let failure = classify_transport_error(&response.expect_err("refused"));
        assert_eq!(failure.retry, RetryDecision::Never);
        let text = failure.error.to_string();
        assert!(
            text.contains("private network; --model-private-network"),
            "{text}"
        );
    }

    #[test]
    fn error_text_names_the_setting_to_check() {
        for (status, body, hint) in [
            (401, "", "check --model-key"),
            (
                404,
                r#"{"error":{"message":"model 'x' not found"}}"#,
                "--model: model 'x' not found",
            ),
            (301, "", "set --model-url"),
            (400, r#"{"error":"too long"}"#, "too long"),
            (500, "<h1>Oops</h1>\n", "500: <h1>Oops</h1>"),
        ] {
            let text = classified(status, None, body).error.to_string();
            assert!(text.contains(hint), "{status}: {text}");
        }
    }

    #[test]
    fn rejections_are_negotiated_and_loading_is_awaited() {
        let retry = |status, body| classified(status, None, body).retry;
        assert_eq!(retry(400, "no"), RetryDecision::Rejected("no".to_owned()));
        assert_eq!(retry(413, ""), RetryDecision::Rejected(String::new()));
        assert_eq!(
            retry(400, r#"{"error":"unknown model"}"#),
            RetryDecision::Never
        );
        let loading = r#"{"error":{"message":"Loading model","code":503}}"#;
        assert_eq!(retry(503, loading), RetryDecision::WhileLoading);
    }
}
