//! Calculates the vectors of passages in the background, and keeps them in memory for
//! searches.
//!
//! The work is done in small steps. Each step stores its vectors, so that an interruption
//! loses little, and several processes can share the work.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use crate::answer::embedding::{
    EmbeddingError, EmbeddingInput, EmbeddingProvider, PassageVector, SemanticSearch,
};
use crate::domain::{PassageSeq, ProjectSeq};
use crate::store::embedding::{self, EmbeddingKey, HashedPassage, PassageHash};
use crate::store::{Batch, Snapshot, Store, StoreError, passage};

/// The time between two looks for new passages.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause after an error, which doubles with each error in a row.
const MIN_RETRY_INTERVAL: Duration = Duration::from_secs(5);
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(300);

/// The texts that the model gets at once.
const BATCH_TEXTS: usize = 32;

/// The passages that are read at once.
const READ_STEP: usize = 500;

/// The vectors that a step of the cleaning reads.
const PRUNE_STEP: usize = 1000;

/// The log tells when this many passages or more are embedded.
const MIN_LOGGED: usize = 50;

/// Which passages come first. A server and `parlor learn` begin at different ends, so that
/// they do not calculate the same vectors when both run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// Why vectors could not be calculated or stored.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error(transparent)]
    Model(#[from] EmbeddingError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Embeds the passages of a database file.
pub struct Embedder<'a> {
    store: &'a Store,
    semantic: &'a SemanticSearch,
    order: Order,
    /// `None`: of all projects.
    project: Option<ProjectSeq>,
    /// The version of the passages that were read last.
    version: Option<i64>,
    passages: BTreeMap<PassageSeq, HashedPassage>,
    /// The passages without vectors.
    pending: BTreeSet<PassageSeq>,
    /// Whether stored vectors may belong to no passage.
    has_removed: bool,
}

/// A passage of a batch.
struct BatchPassage {
    passage: HashedPassage,
    content: Content,
}

enum Content {
    /// The vectors are stored already.
    Vectors(Vec<PassageVector>),
    /// The texts to embed.
    Texts(Vec<String>),
}

/// Keeps the vectors up to date, forever.
pub async fn run(store: &Store, semantic: &SemanticSearch) {
    let mut embedder = Embedder::new(store, semantic, Order::OldestFirst, None);
    let mut log = ProgressLog::default();
    let mut retry_interval = MIN_RETRY_INTERVAL;
    loop {
        match embedder.step().await {
            Ok(is_done) => {
                retry_interval = MIN_RETRY_INTERVAL;
                log.progress(embedder.remaining(), semantic.provider().model());
                if is_done {
                    tokio::time::sleep(INTERVAL).await;
                }
            }
            Err(error) => {
                log.failure(&error.to_string());
                tokio::time::sleep(retry_interval).await;
                retry_interval = (retry_interval * 2).min(MAX_RETRY_INTERVAL);
            }
        }
    }
}

impl<'a> Embedder<'a> {
    pub fn new(
        store: &'a Store,
        semantic: &'a SemanticSearch,
        order: Order,
        project: Option<ProjectSeq>,
    ) -> Self {
        Self {
            store,
            semantic,
            order,
            project,
            version: None,
            passages: BTreeMap::new(),
            pending: BTreeSet::new(),
            has_removed: true,
        }
    }

    /// The number of passages without vectors.
    pub fn remaining(&self) -> usize {
        self.pending.len()
    }

    /// The number of passages that were read.
    pub fn known(&self) -> usize {
        self.passages.len()
    }

    /// Does a part of the work. Returns whether nothing is left.
    ///
    /// # Errors
    /// The model or the database fails. The next call tries the same again.
    pub async fn step(&mut self) -> Result<bool, EmbedError> {
        self.read_changes().await?;
        if !self.pending.is_empty() {
            self.embed_batch().await?;
            return Ok(false);
        }
        if self.has_removed && self.project.is_none() {
            self.prune().await?;
            self.has_removed = false;
        }
        Ok(true)
    }

    /// Reads the passages that are new, and removes those that were deleted.
    async fn read_changes(&mut self) -> Result<(), StoreError> {
        let version = self.store.read(passage::knowledge_version).await?;
        if self.version == Some(version) {
            return Ok(());
        }
        self.remove_deleted().await?;
        loop {
            let last = self.passages.keys().next_back().copied();
            let last = last.unwrap_or(PassageSeq(0));
            let read =
                move |snapshot: &Snapshot| embedding::passages_after(snapshot, last, READ_STEP);
            let new = self.store.read(read).await?;
            let is_last = new.len() < READ_STEP;
            self.add(new).await?;
            if is_last {
                break;
            }
        }
        self.version = Some(version);
        Ok(())
    }

    async fn remove_deleted(&mut self) -> Result<(), StoreError> {
        let stored: HashSet<_> = self
            .store
            .read(embedding::passage_seqs)
            .await?
            .into_iter()
            .collect();
        if self.passages.keys().all(|seq| stored.contains(seq)) {
            return Ok(());
        }
        self.passages.retain(|seq, _| stored.contains(seq));
        self.pending.retain(|seq| stored.contains(seq));
        self.semantic.retain(|seq| stored.contains(&seq));
        self.has_removed = true;
        Ok(())
    }

    /// Adds passages with their stored vectors.
    async fn add(&mut self, new: Vec<HashedPassage>) -> Result<(), StoreError> {
        let model = self.semantic.provider().model().to_owned();
        let read = move |snapshot: &Snapshot| {
            let with_vectors = |passage: HashedPassage| {
                Ok((passage, stored_vectors(snapshot, &model, passage.hash)?))
            };
            new.into_iter()
                .map(with_vectors)
                .collect::<Result<Vec<_>, StoreError>>()
        };
        for (passage, vectors) in self.store.read(read).await? {
            self.passages.insert(passage.seq, passage);
            if !vectors.is_empty() {
                self.semantic.add(passage.project, passage.seq, &vectors);
            } else if self
                .project
                .is_none_or(|project| project == passage.project)
            {
                self.pending.insert(passage.seq);
            }
        }
        Ok(())
    }

    async fn embed_batch(&mut self) -> Result<(), EmbedError> {
        let batch = self.next_batch().await?;
        match self.embed(&batch).await {
            // One of the texts is refused: find out which one.
            Err(EmbedError::Model(EmbeddingError::Refused(_))) if batch.len() > 1 => {
                for one in batch {
                    self.embed_or_skip(one).await?;
                }
                Ok(())
            }
            Err(EmbedError::Model(error @ EmbeddingError::Refused(_))) => {
                for one in batch {
                    self.skip(one.passage.seq, &error);
                }
                Ok(())
            }
            result => result,
        }
    }

    async fn embed_or_skip(&mut self, one: BatchPassage) -> Result<(), EmbedError> {
        let seq = one.passage.seq;
        match self.embed(&[one]).await {
            Err(EmbedError::Model(error @ EmbeddingError::Refused(_))) => {
                self.skip(seq, &error);
                Ok(())
            }
            result => result,
        }
    }

    /// Leaves a passage without vectors until the next start.
    fn skip(&mut self, seq: PassageSeq, error: &EmbeddingError) {
        log::warn!("a passage is found by its words alone: {error}");
        self.pending.remove(&seq);
    }

    /// Reads the next passages without vectors.
    async fn next_batch(&self) -> Result<Vec<BatchPassage>, StoreError> {
        let passages: Vec<_> = match self.order {
            Order::OldestFirst => self.pending.iter().take(BATCH_TEXTS).collect(),
            Order::NewestFirst => self.pending.iter().rev().take(BATCH_TEXTS).collect(),
        };
        let passages = passages
            .into_iter()
            .filter_map(|seq| self.passages.get(seq));
        let passages: Vec<_> = passages.copied().collect();
        let provider = self.semantic.shared_provider();
        let read = move |snapshot: &Snapshot| {
            let mut batch = Vec::new();
            let mut texts = 0;
            for passage in passages {
                let one = read_passage(snapshot, &*provider, passage)?;
                texts += match &one.content {
                    Content::Texts(texts) => texts.len(),
                    Content::Vectors(_) => 0,
                };
                if texts > BATCH_TEXTS && !batch.is_empty() {
                    break;
                }
                batch.push(one);
            }
            Ok::<_, StoreError>(batch)
        };
        self.store.read(read).await
    }

    /// Calculates and stores the vectors of passages.
    async fn embed(&mut self, batch: &[BatchPassage]) -> Result<(), EmbedError> {
        let texts = batch.iter().flat_map(|one| match &one.content {
            Content::Texts(texts) => texts.as_slice(),
            Content::Vectors(_) => &[],
        });
        let texts: Vec<_> = texts.cloned().collect();
        let mut vectors = Vec::with_capacity(texts.len());
        for texts in texts.chunks(BATCH_TEXTS) {
            let input = EmbeddingInput::Passages(texts.to_vec());
            vectors.extend(self.semantic.provider().embed(input).await?);
        }
        let mut vectors = vectors.iter().map(|vector| PassageVector::new(vector));
        let mut writes = Batch::default();
        let mut found = Vec::with_capacity(batch.len());
        for BatchPassage { passage, content } in batch {
            let passage_vectors: Vec<_> = match content {
                Content::Vectors(vectors) => vectors.clone(),
                Content::Texts(texts) => vectors.by_ref().take(texts.len()).flatten().collect(),
            };
            if let Content::Texts(_) = content {
                let bytes = passage_vectors
                    .iter()
                    .map(PassageVector::to_bytes)
                    .collect();
                let model = self.semantic.provider().model();
                writes = writes.then(embedding::insert(model, passage.hash, bytes));
            }
            found.push((*passage, passage_vectors));
        }
        if !writes.is_empty() {
            self.store.write(writes).await?;
        }
        for (passage, vectors) in found {
            self.semantic.add(passage.project, passage.seq, &vectors);
            self.pending.remove(&passage.seq);
        }
        Ok(())
    }

    /// Deletes the vectors of texts that no passage has.
    async fn prune(&self) -> Result<(), StoreError> {
        let hashes: HashSet<PassageHash> =
            self.passages.values().map(|passage| passage.hash).collect();
        let mut after = EmbeddingKey::default();
        loop {
            let from = after.clone();
            let read =
                move |snapshot: &Snapshot| embedding::keys_after(snapshot, &from, PRUNE_STEP);
            let keys = self.store.read(read).await?;
            let Some(last) = keys.last() else {
                return Ok(());
            };
            after = last.clone();
            let unused: Vec<_> = keys
                .into_iter()
                .filter(|key| !hashes.contains(&key.hash))
                .collect();
            if !unused.is_empty() {
                self.store.write(embedding::delete(&unused)).await?;
            }
        }
    }
}

fn stored_vectors(
    snapshot: &Snapshot,
    model: &str,
    hash: PassageHash,
) -> Result<Vec<PassageVector>, StoreError> {
    let stored = embedding::vectors(snapshot, model, hash)?;
    let vectors = stored.iter().map(|bytes| PassageVector::from_bytes(bytes));
    Ok(vectors.flatten().collect())
}

fn read_passage(
    snapshot: &Snapshot,
    provider: &dyn EmbeddingProvider,
    passage: HashedPassage,
) -> Result<BatchPassage, StoreError> {
    let vectors = stored_vectors(snapshot, provider.model(), passage.hash)?;
    if !vectors.is_empty() {
        let content = Content::Vectors(vectors);
        return Ok(BatchPassage { passage, content });
    }
    let mut texts = Vec::new();
    passage::for_each_text(snapshot, passage.project, &[passage.seq], |_, text| {
        let head = match text.heading {
            "" => text.title.to_owned(),
            heading => format!("{} › {heading}", text.title),
        };
        texts = provider.parts(&head, text.body);
    })?;
    let content = Content::Texts(texts);
    Ok(BatchPassage { passage, content })
}

/// What the log says about the work.
#[derive(Default)]
struct ProgressLog {
    /// The number of passages and the time when the work that was logged began.
    started: Option<(usize, Instant)>,
    failure: Option<String>,
}

impl ProgressLog {
    fn progress(&mut self, remaining: usize, model: &str) {
        self.failure = None;
        match self.started {
            None if remaining >= MIN_LOGGED => {
                log::info!("embedding {remaining} passages with {model}");
                self.started = Some((remaining, Instant::now()));
            }
            Some((count, at)) if remaining == 0 => {
                let seconds = at.elapsed().as_secs();
                log::info!("{count} passages are embedded, after {seconds} s");
                self.started = None;
            }
            _ => {}
        }
    }

    fn failure(&mut self, error: &str) {
        if self.failure.as_deref() != Some(error) {
            log::warn!(
                "passages cannot be embedded, so that they are found by their words alone: {error}; trying again"
            );
            self.failure = Some(error.to_owned());
        }
    }
}
