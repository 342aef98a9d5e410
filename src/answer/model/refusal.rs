//! What it means that a call did not lead to an answer, and whether to try again.

use std::error::Error;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::time;

use super::reply::{excerpt, told};
use super::request::Dialect;
use crate::address_policy::PrivateHost;
use crate::answer::AnswerError;

/// Seconds after which another try is worth it, where the server tells none.
pub const LATER: u64 = 30;
/// The most seconds that a server's word is taken for.
const LATEST: u64 = 3600;
/// The longest time that a visitor waits because the server asks for it.
const SHORT: u64 = 2;

/// A call that did not lead to an answer.
#[derive(Debug)]
pub struct Refusal {
    pub failure: AnswerError,
    pub again: Again,
}

/// Whether to try again.
#[derive(Debug, PartialEq, Eq)]
pub enum Again {
    No,
    /// Not before this time has passed.
    After(Duration),
    /// At once, in other words.
    As(Dialect),
}

impl Refusal {
    fn no(text: String) -> Self {
        Self {
            failure: AnswerError::ModelFailed(text),
            again: Again::No,
        }
    }
}

/// Nothing came back: no connection, or one that broke.
pub fn of_error(error: &reqwest::Error) -> Refusal {
    let text = format!("it cannot be reached: {}", causes(error));
    if is_private(error) {
        return Refusal::no(format!("{text}; --model-private-network allows that"));
    }
    let failure = match error.is_timeout() {
        true => AnswerError::Unavailable {
            retry_after_secs: LATER,
            cause: text,
        },
        false => AnswerError::ModelFailed(text),
    };
    Refusal {
        failure,
        again: Again::After(Duration::ZERO),
    }
}

fn is_private(error: &reqwest::Error) -> bool {
    chain(error).any(|cause| cause.is::<PrivateHost>())
}

/// What caused the error, the nearest first.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// The causes of an error. Its own text is left out: it has the URL, which may
/// hold a secret.
pub fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    for cause in chain(error).map(ToString::to_string) {
        // Some name their cause in their own text already.
        if !text.contains(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    match text.is_empty() {
        true => "the connection broke".to_owned(),
        false => excerpt(&text),
    }
}

/// The server answered with something other than success.
pub async fn of_response(response: Response, dialect: Dialect) -> Refusal {
    let status = response.status();
    let wait = retry_after(response.headers(), SystemTime::now());
    // A refused key may be quoted in the body, in parts.
    let said = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => String::new(),
        _ => beginning(response).await,
    };
    judge(status, wait, &said, dialect)
}

fn judge(status: StatusCode, wait: Option<u64>, said: &str, dialect: Dialect) -> Refusal {
    let told = summary(said);
    let text = |hint: &str| format!("it answers {}{hint}{told}", status.as_u16());
    match status.as_u16() {
        400 | 422 => match other_words(said, dialect) {
            Some(dialect) => Refusal {
                failure: AnswerError::ModelFailed(text("")),
                again: Again::As(dialect),
            },
            None => Refusal::no(text("; check the model's settings")),
        },
        401 | 403 => Refusal::no(text("; check --model-key")),
        404 => Refusal::no(text(
            "; check --model-url, which often ends in /v1, and --model",
        )),
        300..=399 => Refusal::no(text(", a redirect; set --model-url to where it leads")),
        429 | 503 | 529 => Refusal {
            failure: AnswerError::Unavailable {
                retry_after_secs: wait.unwrap_or(LATER),
                cause: text(""),
            },
            again: match wait {
                Some(seconds) if seconds > SHORT => Again::No,
                wait => Again::After(Duration::from_secs(wait.unwrap_or(0))),
            },
        },
        408 | 504 => Refusal {
            failure: AnswerError::Unavailable {
                retry_after_secs: wait.unwrap_or(LATER),
                cause: text(""),
            },
            again: Again::No,
        },
        500 | 502 => Refusal {
            failure: AnswerError::ModelFailed(text("")),
            again: Again::After(Duration::ZERO),
        },
        _ => Refusal::no(text("")),
    }
}

/// What a body says, for the log: the error's message where it is one.
fn summary(body: &str) -> String {
    let json = serde_json::from_str::<Value>(body).ok();
    let said = match json {
        Some(json) => told(json.get("error").unwrap_or(&json)),
        None => excerpt(body),
    };
    match said.is_empty() {
        true => said,
        false => format!(": {said}"),
    }
}

/// The words to try instead, where the server refused one that not all know.
fn other_words(said: &str, dialect: Dialect) -> Option<Dialect> {
    const UNKNOWN: [&str; 9] = [
        "stream_options",
        "include_usage",
        "unknown",
        "unrecognized",
        "unexpected",
        "unsupported",
        "extra inputs",
        "extra fields",
        "additional properties",
    ];
    let said = said.to_lowercase();
    if !dialect.completion_tokens && said.contains("max_completion_tokens") {
        return Some(Dialect {
            completion_tokens: true,
            ..dialect
        });
    }
    let unknown = UNKNOWN.iter().any(|word| said.contains(word));
    (dialect.usage && unknown).then_some(Dialect {
        usage: false,
        ..dialect
    })
}

/// Seconds that the server asks to wait, from 1 to an hour.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse().ok().or_else(|| {
        let date = httpdate::parse_http_date(text).ok()?;
        let wait = date.duration_since(now).unwrap_or_default();
        Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    });
    seconds.map(|seconds: u64| seconds.clamp(1, LATEST))
}

/// The most bytes of a refusal that are read, and how long they are waited for.
const BEGINNING: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(1);

/// The beginning of the body, as far as it comes soon.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    let _ = time::timeout(PATIENCE, async {
        while let Ok(Some(chunk)) = response.chunk().await {
            bytes.extend_from_slice(&chunk[..chunk.len().min(BEGINNING - bytes.len())]);
            if bytes.len() == BEGINNING {
                break;
            }
        }
    })
    .await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    const ALL: Dialect = Dialect {
        usage: true,
        completion_tokens: false,
    };

    fn wait(text: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).expect("a value"));
        // Tue, 15 Nov 1994 08:12:31 GMT
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_887_151);
        retry_after(&headers, now)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait("0"), Some(1));
        assert_eq!(wait("99999999"), Some(3600));
        assert_eq!(wait("Tue, 15 Nov 1994 08:12:51 GMT"), Some(20));
        assert_eq!(wait("Tue, 15 Nov 1994 08:12:01 GMT"), Some(1));
        assert_eq!(wait("Tue, 15 Nov 2044 08:12:01 GMT"), Some(3600));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
    }

    fn judged(status: u16, wait: Option<u64>, said: &str) -> Refusal {
        let status = StatusCode::from_u16(status).expect("a status");
        judge(status, wait, said, ALL)
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (status, again) in [
            (500, true),
            (502, true),
            (503, true),
            (429, true),
            (504, false),
            (400, false),
            (401, false),
            (403, false),
            (404, false),
            (307, false),
            (418, false),
        ] {
            let refusal = judged(status, None, "");
            assert_eq!(
                refusal.again == Again::After(Duration::ZERO),
                again,
                "{status}"
            );
        }
        assert_eq!(
            judged(429, Some(2), "").again,
            Again::After(Duration::from_secs(2))
        );
        assert_eq!(judged(429, Some(3), "").again, Again::No);
    }

    #[test]
    fn a_name_that_leads_to_a_private_network_is_not_called() {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("a runtime");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy();
        let client = client.dns_resolver(crate::address_policy::PublicResolver);
        let client = client.build().expect("a client");
        let called = runtime.block_on(client.get("http://localhost:9/").send());
        let refusal = of_error(&called.expect_err("refused"));
        assert_eq!(refusal.again, Again::No);
        let told = refusal.failure.to_string();
        assert!(told.contains("private network; --model-private"), "{told}");
    }

    #[test]
    fn a_refusal_tells_what_to_check() {
        for (status, said, hint) in [
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
            let told = judged(status, None, said).failure.to_string();
            assert!(told.contains(hint), "{status}: {told}");
        }
    }

    #[test]
    fn a_word_that_the_server_does_not_know_is_left_out() {
        let as_other = |said| match judged(400, None, said).again {
            Again::As(dialect) => Some(dialect),
            _ => None,
        };
        let plain = Dialect {
            usage: false,
            ..ALL
        };
        assert_eq!(as_other("Unknown field: stream_options"), Some(plain));
        assert_eq!(as_other("Extra inputs are not permitted"), Some(plain));
        let renamed = Dialect {
            completion_tokens: true,
            ..ALL
        };
        assert_eq!(
            as_other("Use 'max_completion_tokens' instead"),
            Some(renamed)
        );
        assert_eq!(as_other("the context is too long"), None);
    }
}
