//! A sentence-transformers model that runs in this process, on the processor.
//!
//! - `folder` reads the files of the model.
//! - `encoder` runs the network.

mod encoder;
mod folder;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokenizers::Tokenizer;
use tokio::sync::Semaphore;

use super::passage_parts::{self, piece_end};
use super::{EmbeddingError, EmbeddingFuture, EmbeddingInput, EmbeddingProvider};
use crate::config::EmbeddingSettings;
use encoder::Encoder;
use folder::ModelFolder;

/// The texts that the network gets at once. More need more memory, and are not faster.
const BATCH_SIZE: usize = 8;

/// Questions that are embedded at the same time. Others wait, until their search continues
/// with words alone.
const MAX_CONCURRENT_QUESTIONS: usize = 4;

/// The niceness of the threads that embed passages: requests go first.
const PASSAGE_NICENESS: i32 = 10;

/// The tokens of the title with the heading.
const MAX_HEAD_TOKENS: usize = 48;

/// A model in this process.
pub struct LocalModel {
    network: Arc<Network>,
    /// See [`EmbeddingProvider::model`].
    id: String,
    /// The tokens of a text, without those that the tokenizer adds.
    max_tokens: usize,
    query_prefix: String,
    passage_prefix: String,
    question_slots: Arc<Semaphore>,
    question_threads: Arc<ThreadPool>,
    passage_threads: Arc<ThreadPool>,
}

/// What the threads share.
struct Network {
    tokenizer: Tokenizer,
    encoder: Encoder,
    lowercases: bool,
}

impl LocalModel {
    /// Reads the model of a folder.
    ///
    /// # Errors
    /// The file and what is wrong with it, in words.
    pub fn load(folder: &Path, settings: &EmbeddingSettings) -> Result<Self, String> {
        let folder = ModelFolder::read(folder)?;
        let tokenizer = folder.tokenizer()?;
        let added = tokenizer
            .encode("", true)
            .map_err(|error| error.to_string())?;
        let max_tokens = folder.max_tokens().saturating_sub(added.len());
        if max_tokens <= 2 * MAX_HEAD_TOKENS {
            return Err(format!(
                "the model accepts {max_tokens} tokens, which is too few"
            ));
        }
        let network = Network {
            encoder: Encoder::load(&folder)?,
            tokenizer,
            lowercases: folder.lowercases(),
        };
        let prefix = |setting: &Option<String>, prompt: Option<&str>| {
            setting
                .clone()
                .or(prompt.map(str::to_owned))
                .unwrap_or_default()
        };
        let passage_prefix = prefix(&settings.passage_prefix, folder.passage_prompt());
        Ok(Self {
            id: folder.id(&passage_prefix),
            max_tokens,
            query_prefix: prefix(&settings.query_prefix, folder.query_prompt()),
            passage_prefix,
            question_slots: Arc::new(Semaphore::new(MAX_CONCURRENT_QUESTIONS)),
            question_threads: threads("embed-question", None)?,
            passage_threads: threads("embed-passage", Some(PASSAGE_NICENESS))?,
            network: Arc::new(network),
        })
    }

    async fn embed_questions(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let slot = self.question_slots.clone().acquire_owned().await;
        let slot = slot.map_err(failed)?;
        let texts = prefixed(&self.query_prefix, texts);
        let (network, threads) = (self.network.clone(), self.question_threads.clone());
        let max_tokens = self.max_tokens;
        run(move || {
            let _slot = slot;
            threads.install(|| network.embed(&texts, max_tokens))
        })
        .await
    }

    async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let texts = prefixed(&self.passage_prefix, texts);
        let (network, threads) = (self.network.clone(), self.passage_threads.clone());
        let max_tokens = self.max_tokens;
        run(move || threads.install(|| network.embed(&texts, max_tokens))).await
    }
}

impl EmbeddingProvider for LocalModel {
    fn model(&self) -> &str {
        &self.id
    }

    fn parts(&self, head: &str, body: &str) -> Vec<String> {
        let network = &self.network;
        let head = network.beginning(head, MAX_HEAD_TOKENS);
        let prefix = self.passage_prefix.as_str();
        let used = network.token_ends(&format!("{prefix}{head}\n")).len();
        let room = self.max_tokens.saturating_sub(used).max(1);
        passage_parts::parts(head, body, |body| network.pieces(body, room))
    }

    fn embed(&self, input: EmbeddingInput) -> EmbeddingFuture<'_> {
        Box::pin(async move {
            match input {
                EmbeddingInput::Questions(texts) => self.embed_questions(texts).await,
                EmbeddingInput::Passages(texts) => self.embed_passages(texts).await,
            }
        })
    }
}

impl Network {
    /// Returns the vectors of texts. A text is cut after `max_tokens` tokens.
    fn embed(&self, texts: &[String], max_tokens: usize) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let mut tokens = Vec::with_capacity(texts.len());
        for text in texts {
            let text = self.beginning(text, max_tokens);
            let encoding = self.tokenizer.encode(self.input(text), true);
            tokens.push(encoding.map_err(failed)?.get_ids().to_vec());
        }
        // Texts of similar lengths need less padding.
        let mut order: Vec<_> = (0..texts.len()).collect();
        order.sort_by_key(|position| tokens[*position].len());
        let mut vectors = vec![Vec::new(); texts.len()];
        for batch in order.chunks(BATCH_SIZE) {
            let inputs: Vec<_> = batch
                .iter()
                .map(|position| tokens[*position].as_slice())
                .collect();
            let found = self.encoder.run(&inputs).map_err(failed)?;
            for (position, vector) in batch.iter().zip(found) {
                vectors[*position] = vector;
            }
        }
        Ok(vectors)
    }

    fn input(&self, text: &str) -> String {
        if self.lowercases {
            text.to_lowercase()
        } else {
            text.to_owned()
        }
    }

    /// Returns where the tokens of a text end. The text is not lowercased, because that can
    /// move the ends.
    fn token_ends(&self, text: &str) -> Vec<usize> {
        let Ok(encoding) = self.tokenizer.encode(text, false) else {
            return Vec::new();
        };
        let offsets = encoding.get_offsets();
        offsets.iter().map(|(_, end)| *end).collect()
    }

    fn beginning<'t>(&self, text: &'t str, max_tokens: usize) -> &'t str {
        let ends = self.token_ends(text);
        match ends.get(max_tokens.saturating_sub(1)) {
            Some(end) if ends.len() > max_tokens => &text[..text.floor_char_boundary(*end)],
            _ => text,
        }
    }

    /// Divides a text into pieces of at most `max_tokens` tokens.
    fn pieces(&self, text: &str, max_tokens: usize) -> Vec<Range<usize>> {
        let ends = self.token_ends(text);
        let mut pieces = Vec::new();
        let (mut start, mut token) = (0, 0);
        while start < text.len() {
            let limit = ends
                .get(token + max_tokens)
                .map_or(text.len(), |_| ends[token + max_tokens - 1].max(start + 1));
            let end = piece_end(text, start, limit).max(start + 1);
            let end = text.ceil_char_boundary(end);
            pieces.push(start..end);
            token += ends[token..].partition_point(|token_end| *token_end <= end);
            start = end;
        }
        pieces
    }
}

fn prefixed(prefix: &str, texts: Vec<String>) -> Vec<String> {
    let text = |text| format!("{prefix}{text}");
    texts.into_iter().map(text).collect()
}

fn failed(error: impl ToString) -> EmbeddingError {
    EmbeddingError::Failed(error.to_string())
}

/// Runs a calculation on a thread that may block.
async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmbeddingError> + Send + 'static,
) -> Result<T, EmbeddingError> {
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

/// Returns a pool with a thread for each core.
fn threads(name: &'static str, niceness: Option<i32>) -> Result<Arc<ThreadPool>, String> {
    let pool = ThreadPoolBuilder::new()
        .thread_name(move |number| format!("{name}-{number}"))
        .start_handler(move |_| {
            if let Some(niceness) = niceness {
                // Linux: of the thread, not of the process.
                let _ = rustix::process::setpriority_process(None, niceness);
            }
        })
        .build();
    pool.map(Arc::new).map_err(|error| error.to_string())
}
