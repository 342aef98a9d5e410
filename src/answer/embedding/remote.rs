//! An embedding model behind a server with an OpenAI-compatible API: Ollama, llama.cpp,
//! vLLM, Text Embeddings Inference, OpenAI and others.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use reqwest::{Client, Response, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::passage_parts::{self, piece_end};
use super::{
    EmbeddingError, EmbeddingFuture, EmbeddingInput, EmbeddingProvider, EmbeddingSetupError,
};
use crate::address_policy;
use crate::answer::model::{
    ModelError, endpoint_url, error_causes, error_summary, http_client, is_private_address,
    redact_key, retry_after_secs,
};
use crate::config::{EmbeddingSettings, Secret};

/// How often the request for a batch of passages is sent at most. The task that embeds
/// passages begins again later.
const MAX_ATTEMPTS: u32 = 3;
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// The longest `Retry-After` for which a batch waits.
const MAX_RETRY_AFTER_SECS: u64 = 10;

/// The time of a request with passages. A server without a graphics card can be slow.
const PASSAGES_TIMEOUT: Duration = Duration::from_secs(120);

/// The maximum size of a response: 64 vectors of 8192 numbers with 20 digits.
const MAX_RESPONSE_BYTES: usize = 16 << 20;

/// The length of a part of a passage, in letters of Latin languages: about 256 tokens. Many
/// models accept 512 tokens, some 256.
const PART_LENGTH: usize = 1000;
/// How many letters a character of other scripts counts as: it is about a token of its own.
const OTHER_SCRIPT_WEIGHT: usize = 3;
const FIRST_OTHER_SCRIPT: char = '\u{2e80}';

/// The maximum length of the title with the heading.
const MAX_HEAD_CHARS: usize = 200;

/// A model behind a server.
pub struct RemoteModel {
    client: Client,
    endpoint: Url,
    name: String,
    /// See [`EmbeddingProvider::model`].
    id: String,
    key: Option<Secret>,
    query_prefix: String,
    passage_prefix: String,
}

#[derive(Serialize)]
struct EmbeddingRequest<'a> {
    model: &'a str,
    input: &'a [String],
}

#[derive(Deserialize)]
struct EmbeddingResponse {
    data: Vec<EmbeddingItem>,
}

#[derive(Deserialize)]
struct EmbeddingItem {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// A failed request.
struct Failure {
    error: EmbeddingError,
    /// When a further attempt can succeed.
    retry_after: Option<Duration>,
}

impl Failure {
    fn permanent(error: EmbeddingError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

impl RemoteModel {
    /// # Errors
    /// Returns an error if the settings are invalid.
    pub fn new(
        base: &Url,
        name: &str,
        settings: &EmbeddingSettings,
    ) -> Result<Self, EmbeddingSetupError> {
        if !settings.private && address_policy::has_private_host(base) {
            let host = base.host_str().unwrap_or_default().to_owned();
            return Err(EmbeddingSetupError::Private(host));
        }
        let client = http_client(base, settings.key.as_ref(), settings.private);
        let client = client.map_err(|error| match error {
            ModelError::Key => EmbeddingSetupError::Key,
            ModelError::Client(error) => EmbeddingSetupError::Client(error),
            ModelError::Private(host) => EmbeddingSetupError::Private(host),
        })?;
        let passage_prefix = settings.passage_prefix.clone().unwrap_or_default();
        Ok(Self {
            client,
            endpoint: endpoint_url(base, &["embeddings"]),
            name: name.to_owned(),
            id: model_id(name, &passage_prefix),
            key: settings.key.clone(),
            query_prefix: settings.query_prefix.clone().unwrap_or_default(),
            passage_prefix,
        })
    }

    async fn send(&self, input: EmbeddingInput) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let (texts, prefix, max_attempts) = match input {
            EmbeddingInput::Questions(texts) => (texts, &self.query_prefix, 1),
            EmbeddingInput::Passages(texts) => (texts, &self.passage_prefix, MAX_ATTEMPTS),
        };
        let texts: Vec<_> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let mut attempts = 1;
        loop {
            let attempt = tokio::time::timeout(PASSAGES_TIMEOUT, self.send_once(&texts)).await;
            let failure = match attempt {
                Ok(Ok(vectors)) => return Ok(vectors),
                Ok(Err(failure)) => failure,
                Err(_) => return Err(timeout_error()),
            };
            match failure.retry_after {
                Some(delay) if attempts < max_attempts => {
                    tokio::time::sleep(delay + RETRY_DELAY * attempts).await;
                    attempts += 1;
                }
                _ => return Err(self.redact_key(failure.error)),
            }
        }
    }

    async fn send_once(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
        let request = EmbeddingRequest {
            model: &self.name,
            input: texts,
        };
        let body = serde_json::to_vec(&request).unwrap_or_default();
        let request = self.client.post(self.endpoint.clone()).body(body);
        let response = request.send().await.map_err(|error| transport(&error))?;
        if !response.status().is_success() {
            return Err(classify(response).await);
        }
        let body = read_body(response).await?;
        parse(&body, texts.len()).map_err(|reason| {
            let error = format!(
                "its response is invalid: {reason}; check --embedding-url and --embedding-model"
            );
            Failure::permanent(EmbeddingError::Failed(error))
        })
    }

    /// Removes the key from the text of an error. A server can quote the key.
    fn redact_key(&self, error: EmbeddingError) -> EmbeddingError {
        let redact = |text: String| redact_key(self.key.as_ref(), &text);
        match error {
            EmbeddingError::Refused(text) => EmbeddingError::Refused(redact(text)),
            EmbeddingError::Failed(text) => EmbeddingError::Failed(redact(text)),
            EmbeddingError::Unavailable(text) => EmbeddingError::Unavailable(redact(text)),
        }
    }
}

impl EmbeddingProvider for RemoteModel {
    fn model(&self) -> &str {
        &self.id
    }

    fn parts(&self, head: &str, body: &str) -> Vec<String> {
        let head = crate::domain::text_prefix(head, MAX_HEAD_CHARS);
        let length = PART_LENGTH.saturating_sub(weight(&head));
        passage_parts::parts(&head, body, |body| pieces(body, length))
    }

    fn embed(&self, input: EmbeddingInput) -> EmbeddingFuture<'_> {
        Box::pin(self.send(input))
    }
}

/// The name under which vectors are stored. Vectors with and without a prefix differ.
fn model_id(name: &str, passage_prefix: &str) -> String {
    match passage_prefix {
        "" => name.to_owned(),
        prefix => format!("{name} {prefix:?}"),
    }
}

/// Divides a text into pieces of about `length` letters.
fn pieces(text: &str, length: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let mut weight = 0;
        let mut characters = text[start..].char_indices();
        let limit = characters.find_map(|(position, character)| {
            weight += char_weight(character);
            (weight > length).then_some(start + position)
        });
        let end = piece_end(text, start, limit.unwrap_or(text.len()));
        let end = text.ceil_char_boundary(end.max(start + 1));
        pieces.push(start..end);
        start = end;
    }
    pieces
}

fn weight(text: &str) -> usize {
    text.chars().map(char_weight).sum()
}

fn char_weight(character: char) -> usize {
    if character < FIRST_OTHER_SCRIPT {
        1
    } else {
        OTHER_SCRIPT_WEIGHT
    }
}

fn timeout_error() -> EmbeddingError {
    let seconds = PASSAGES_TIMEOUT.as_secs();
    EmbeddingError::Unavailable(format!("it did not answer within {seconds} s"))
}

/// Classifies a request without a response.
fn transport(error: &reqwest::Error) -> Failure {
    let text = format!("it cannot be reached: {}", error_causes(error));
    if is_private_address(error) {
        let text = format!("{text}; --embedding-private-network allows that");
        return Failure::permanent(EmbeddingError::Failed(text));
    }
    Failure {
        error: EmbeddingError::Unavailable(text),
        retry_after: Some(Duration::ZERO),
    }
}

/// Classifies a response without a success status.
async fn classify(response: Response) -> Failure {
    let status = response.status();
    let retry_after =
        retry_after_secs(response.headers(), SystemTime::now(), u64::MAX).unwrap_or_default();
    // The body can quote parts of a rejected key.
    let summary = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => String::new(),
        _ => error_summary(response).await,
    };
    let text = |hint: &str| format!("it answers {}{hint}{summary}", status.as_u16());
    match status.as_u16() {
        400 | 413 | 422 => Failure::permanent(EmbeddingError::Refused(text(""))),
        401 | 403 => Failure::permanent(EmbeddingError::Failed(text("; check --embedding-key"))),
        404 => Failure::permanent(EmbeddingError::Failed(text(
            "; check --embedding-url, which often ends in /v1, and --embedding-model",
        ))),
        300..=399 => Failure::permanent(EmbeddingError::Failed(text(
            ", a redirect; set --embedding-url to where it leads",
        ))),
        408 | 429 | 500..=599 => Failure {
            error: EmbeddingError::Unavailable(text("")),
            retry_after: (retry_after <= MAX_RETRY_AFTER_SECS)
                .then(|| Duration::from_secs(retry_after)),
        },
        _ => Failure::permanent(EmbeddingError::Failed(text(""))),
    }
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_RESPONSE_BYTES {
            let text = format!(
                "its response is larger than {} MB",
                MAX_RESPONSE_BYTES >> 20
            );
            return Err(Failure::permanent(EmbeddingError::Failed(text)));
        }
    }
    Ok(body)
}

/// Returns the vectors in the order of the texts.
fn parse(body: &[u8], count: usize) -> Result<Vec<Vec<f32>>, String> {
    let response: EmbeddingResponse =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if response.data.len() != count {
        return Err(format!("{} vectors for {count} texts", response.data.len()));
    }
    let mut vectors = vec![Vec::new(); count];
    for (position, item) in response.data.into_iter().enumerate() {
        let index = item.index.unwrap_or(position);
        let vector = vectors.get_mut(index).filter(|vector| vector.is_empty());
        *vector.ok_or_else(|| format!("it has no or several vectors for text {index}"))? =
            item.embedding;
    }
    let length = vectors.first().map_or(0, Vec::len);
    if length == 0 || vectors.iter().any(|vector| vector.len() != length) {
        return Err("its vectors are empty or of different lengths".to_owned());
    }
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_in_the_order_of_their_index() {
        let body = br#"{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}]}"#;
        assert_eq!(parse(body, 2), Ok(vec![vec![1.0, 2.0], vec![3.0, 4.0]]));
        let body = br#"{"data":[{"embedding":[1,2]},{"embedding":[3,4]}]}"#;
        assert_eq!(parse(body, 2), Ok(vec![vec![1.0, 2.0], vec![3.0, 4.0]]));
    }

    #[test]
    fn invalid_responses_are_refused() {
        for (body, reason) in [
            ("", "EOF"),
            ("<html>", "expected value"),
            (r#"{"data":[]}"#, "0 vectors for 2 texts"),
            (
                r#"{"data":[{"embedding":[1]},{"embedding":[1,2]}]}"#,
                "different lengths",
            ),
            (
                r#"{"data":[{"embedding":[]},{"embedding":[]}]}"#,
                "are empty",
            ),
            (
                r#"{"data":[{"index":1,"embedding":[1]},{"index":1,"embedding":[1]}]}"#,
                "no or several vectors for text 1",
            ),
            (
                r#"{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}"#,
                "no or several vectors for text 7",
            ),
        ] {
            let error = parse(body.as_bytes(), 2).expect_err("an error");
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn long_text_is_divided_by_its_letters() {
        let text = "A sentence of some words. ".repeat(100);
        let found = pieces(&text, 1000);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|piece| piece.len() <= 1000), "{found:?}");
        assert_eq!(found.last().map(|piece| piece.end), Some(text.len()));
        let other = pieces(&"漢字".repeat(300), 1000);
        assert_eq!(other.len(), 2);
        assert!(pieces("", 1000).is_empty());
        assert_eq!(pieces("漢", 0).len(), 1);
    }
}
