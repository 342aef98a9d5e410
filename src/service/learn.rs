//! `parlor learn`: stores the documents of a source: those that changed since the last run, and
//! deletes those that the source no longer has.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;

use futures_util::StreamExt;

use crate::domain::{
    Document, DocumentId, MAX_DOCUMENT_URL_BYTES, ProjectSeq, RunReport, SourceKind, Timestamp,
    page_address,
};
use crate::learn::{
    Conversion, FetchOutcome, FolderSource, RawDocument, SourceError, WebsiteSource,
};
use crate::redaction::redact;
use crate::store::document::{self, DocumentSummary, NewDocument};
use crate::store::{Batch, Store, StoreError, source};

/// The passages of one write batch, about. A batch of this size delays the
/// writes of a running server by some milliseconds.
const BATCH_PASSAGES: usize = 200;
/// Attempts of a write while another process holds the write lock.
const MAX_WRITE_ATTEMPTS: usize = 5;

/// Why a source could not be learned.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Receives the progress of a [`Learner`].
pub trait ProgressObserver {
    /// `count` more pages will be read.
    fn add_pages(&self, count: usize);
    /// One page was read.
    fn page_done(&self, url: &str);
    /// A page was skipped or could not be read.
    fn warn(&self, message: &str);
}

/// What a [`Learner`] stored and deleted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LearnSummary {
    pub new: usize,
    pub changed: usize,
    pub unchanged: usize,
    pub deleted: usize,
    /// The passages of all pages that were read.
    pub passages: usize,
}

impl LearnSummary {
    /// The pages that were read.
    pub fn pages(&self) -> usize {
        self.new + self.changed + self.unchanged
    }
}

impl fmt::Display for LearnSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let (pages, passages) = (self.pages(), self.passages);
        let Self {
            new,
            changed,
            unchanged,
            deleted,
            ..
        } = self;
        write!(f, "learned {pages} page{} ", plural(pages))?;
        write!(f, "({new} new, {changed} changed, {unchanged} as before, ")?;
        write!(f, "{deleted} forgotten), ")?;
        write!(f, "{passages} passage{}", plural(passages))
    }
}

/// Learns sources for one project, and stores the run of each source. Writes are collected
/// in batches: call [`Learner::stop`] after a failed or cancelled source.
pub struct Learner<'a> {
    store: &'a Store,
    project: ProjectSeq,
    observer: &'a dyn ProgressObserver,
    summary: LearnSummary,
    pending: Batch,
    /// Passages and deletions in `pending`.
    pending_size: usize,
    /// The run that has not ended.
    current: Option<CurrentRun>,
}

/// The run of a source that has not ended.
struct CurrentRun {
    location: String,
    /// The pages that were read before the run.
    pages_before: usize,
    /// Why pages could not be read, for a run that reads none.
    warnings: RefCell<Vec<String>>,
}

/// The warnings of a run that are stored if it reads no page.
const MAX_STORED_WARNINGS: usize = 5;

/// The state of learning one source.
struct SourceRun {
    source: String,
    /// All documents of the project by address.
    stored: HashMap<String, DocumentSummary>,
    /// The addresses that the source delivered.
    seen: HashSet<String>,
    /// The addresses that could not be read this time. Their documents stay.
    retained: HashSet<String>,
    /// Whether documents that were not seen may be deleted.
    is_complete: bool,
}

impl<'a> Learner<'a> {
    pub fn new(store: &'a Store, project: ProjectSeq, observer: &'a dyn ProgressObserver) -> Self {
        Self {
            store,
            project,
            observer,
            summary: LearnSummary::default(),
            pending: Batch::default(),
            pending_size: 0,
            current: None,
        }
    }

    pub fn summary(&self) -> LearnSummary {
        self.summary
    }

    /// Learns the files of a folder. A file that cannot be read is a warning.
    ///
    /// # Errors
    /// The folder does not exist, or the database fails.
    pub async fn learn_folder(&mut self, folder: &FolderSource) -> Result<(), LearnError> {
        let location = folder.id()?;
        self.begin(&location, SourceKind::Folder).await?;
        let result = self.read_folder(folder, location).await;
        self.end(result).await
    }

    async fn read_folder(
        &mut self,
        folder: &FolderSource,
        location: String,
    ) -> Result<(), LearnError> {
        let mut run = self.start_run(location).await?;
        let listing = folder.list_files();
        run.is_complete = listing.is_complete;
        let remarks = listing.skipped.iter().chain(&listing.warnings);
        self.warn_all(&remarks.map(ToString::to_string).collect::<Vec<_>>());
        self.observer.add_pages(listing.files.len());
        for file in listing.files {
            match file.read() {
                Ok(raw) => self.learn_document(&mut run, raw).await?,
                Err(skipped) => {
                    self.warn(&skipped.to_string());
                    run.retained.insert(file.url.clone());
                }
            }
            self.observer.page_done(&file.url);
            // Lets the caller handle Ctrl-C.
            tokio::task::yield_now().await;
        }
        self.finish_run(run).await
    }

    /// Learns a page, or the pages of a sitemap. A further page that cannot be
    /// read is a warning.
    ///
    /// # Errors
    /// The address or robots.txt cannot be read, or the database fails.
    pub async fn learn_website(&mut self, website: &WebsiteSource) -> Result<(), LearnError> {
        self.begin(website.id(), SourceKind::Website).await?;
        let result = self.read_website(website).await;
        self.end(result).await
    }

    async fn read_website(&mut self, website: &WebsiteSource) -> Result<(), LearnError> {
        let mut plan = website.plan_crawl().await?;
        let mut run = self.start_run(website.id().to_owned()).await?;
        run.is_complete = plan.is_complete;
        let left_out = plan.left_out.iter().map(ToString::to_string);
        run.retained.extend(left_out);
        self.warn_all(&plan.warnings);
        self.observer.add_pages(plan.pages.len());
        let outcomes = plan.fetch_pages();
        let mut outcomes = std::pin::pin!(outcomes);
        while let Some((url, outcome)) = outcomes.next().await {
            match outcome {
                FetchOutcome::Found(raw) => self.learn_document(&mut run, raw).await?,
                FetchOutcome::NoIndex => {}
                FetchOutcome::Skipped(reason) => self.warn(&format!("{url}: {reason}")),
                FetchOutcome::Failed(reason) => {
                    self.warn(&format!("{url}: {reason}"));
                    run.retain(url.as_str());
                }
            }
            self.observer.page_done(url.as_str());
        }
        self.finish_run(run).await
    }

    /// Writes the pending batch.
    async fn flush(&mut self) -> Result<(), StoreError> {
        self.pending_size = 0;
        let batch = std::mem::take(&mut self.pending);
        self.write(batch).await
    }

    async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        for _ in 1..MAX_WRITE_ATTEMPTS {
            match self.store.write(batch.clone()).await {
                Err(StoreError::Busy) => log::info!("the database is busy; retrying the write"),
                result => return result.map(drop),
            }
        }
        self.store.write(batch).await.map(drop)
    }

    fn warn_all(&self, warnings: &[String]) {
        warnings.iter().for_each(|warning| self.warn(warning));
    }

    fn warn(&self, message: &str) {
        self.observer.warn(message);
        if let Some(run) = &self.current {
            let mut warnings = run.warnings.borrow_mut();
            if warnings.len() < MAX_STORED_WARNINGS {
                warnings.push(message.to_owned());
            }
        }
    }

    /// Stores that the run of a source begins.
    async fn begin(&mut self, location: &str, kind: SourceKind) -> Result<(), StoreError> {
        let begin = source::begin_run(self.project, location, kind, Timestamp::now());
        self.write(begin).await?;
        self.current = Some(CurrentRun {
            location: location.to_owned(),
            pages_before: self.summary.pages(),
            warnings: RefCell::default(),
        });
        Ok(())
    }

    /// Stores how the run ended, and returns its result.
    async fn end(&mut self, result: Result<(), LearnError>) -> Result<(), LearnError> {
        let Some(run) = self.current.take() else {
            return result;
        };
        let pages = self.summary.pages() - run.pages_before;
        let error = match &result {
            Ok(()) if pages > 0 => None,
            Ok(()) => Some(run.warnings.take().join("\n")),
            Err(error) => Some(error.to_string()),
        };
        let error = error.map(|error| match error.as_str() {
            "" => "No page with a text was found".to_owned(),
            error => redact(error).into_owned(),
        });
        let stored = error.as_deref().map_or(Ok(pages as u64), Err);
        let end = source::end_run(
            self.project,
            &run.location,
            Timestamp::now(),
            stored,
            &RunReport::default(),
        );
        self.write(end).await?;
        result
    }

    /// Writes the pending batch. A run that has not ended failed for `reason`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stop(&mut self, reason: &str) -> Result<(), StoreError> {
        self.flush().await?;
        if let Some(run) = self.current.take() {
            let now = Timestamp::now();
            let end = source::end_run(
                self.project,
                &run.location,
                now,
                Err(reason),
                &RunReport::default(),
            );
            self.write(end).await?;
        }
        Ok(())
    }

    async fn start_run(&self, source: String) -> Result<SourceRun, StoreError> {
        let project = self.project;
        let stored: Vec<DocumentSummary> = self
            .store
            .read(move |snapshot| document::list_all(snapshot, project))
            .await?;
        let by_url = |document: DocumentSummary| (document.url.clone(), document);
        Ok(SourceRun {
            source,
            stored: stored.into_iter().map(by_url).collect(),
            seen: HashSet::new(),
            retained: HashSet::new(),
            is_complete: true,
        })
    }

    async fn learn_document(
        &mut self,
        run: &mut SourceRun,
        raw: RawDocument,
    ) -> Result<(), StoreError> {
        let document = match raw.convert() {
            Conversion::Document(document) => document,
            Conversion::NoIndex => return Ok(()),
        };
        if document.sections.is_empty() {
            let message = format!("{}: it says nothing; no text was found", document.url);
            self.warn(&message);
            return Ok(());
        }
        if document.url.len() > MAX_DOCUMENT_URL_BYTES {
            let start: String = document.url.chars().take(100).collect();
            let message = format!("{start}…: its address is too long; it is passed over");
            self.warn(&message);
            return Ok(());
        }
        // Several pages may have the same canonical address; the first counts.
        if !run.seen.insert(document.url.clone()) {
            return Ok(());
        }
        self.summary.passages += document.sections.len();
        self.store_if_changed(run, &document, raw.hash());
        if self.pending_size >= BATCH_PASSAGES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Queues the document unless the stored one has the same hash and source.
    fn store_if_changed(&mut self, run: &SourceRun, document: &Document, hash: [u8; 32]) {
        let stored = run.stored.get(&document.url);
        let has_same_hash = stored.is_some_and(|stored| stored.hash == hash);
        let has_same_source = stored.is_some_and(|stored| stored.source == run.source);
        *match stored {
            None => &mut self.summary.new,
            Some(_) if has_same_hash => &mut self.summary.unchanged,
            Some(_) => &mut self.summary.changed,
        } += 1;
        if has_same_hash && has_same_source {
            return;
        }
        // An empty source is the HTTP API.
        let replaced = stored.filter(|stored| !has_same_hash && !stored.source.is_empty());
        if let Some(stored) = replaced.filter(|_| !has_same_source) {
            let (url, source) = (&document.url, &stored.source);
            self.observer.warn(&format!(
                "{url}: stored in the place of what {source} had there"
            ));
        }
        let new = NewDocument {
            id: DocumentId::generate(),
            project: self.project,
            document,
            hash,
            source: &run.source,
            at: Timestamp::now(),
        };
        self.queue(new.upsert(), document.sections.len() + 1);
    }

    fn queue(&mut self, batch: Batch, size: usize) {
        self.pending = std::mem::take(&mut self.pending).then(batch);
        self.pending_size += size;
    }

    /// Deletes the documents that the source no longer has, and writes the
    /// pending batch.
    async fn finish_run(&mut self, run: SourceRun) -> Result<(), LearnError> {
        let missing = run.missing_documents();
        if run.is_complete {
            for id in missing {
                self.queue(document::delete_if_present(self.project, id), 1);
                self.summary.deleted += 1;
            }
        } else if !missing.is_empty() {
            self.observer.warn(&format!(
                "{}: as not all of it could be read, nothing of it is forgotten",
                run.source
            ));
        }
        Ok(self.flush().await?)
    }
}

impl SourceRun {
    /// Retains the document of a page that could not be read. If no document
    /// has this address, the page may be stored under its canonical address, so
    /// that no document of the source may be deleted.
    fn retain(&mut self, url: &str) {
        self.is_complete &= self.stored.contains_key(url);
        self.retained.insert(url.to_owned());
    }

    /// Whether this source stored a document. Earlier versions stored a source with
    /// its user name and password.
    fn is_source(&self, stored: &str) -> bool {
        let without_userinfo = || page_address(stored).is_some_and(|url| url == self.source);
        stored == self.source || without_userinfo()
    }

    /// The documents of this source that were neither seen nor retained.
    fn missing_documents(&self) -> Vec<DocumentId> {
        let is_missing = |document: &&DocumentSummary| {
            self.is_source(&document.source)
                && !self.seen.contains(&document.url)
                && !self.retained.contains(&document.url)
        };
        let missing = self.stored.values().filter(is_missing);
        missing.map(|document| document.id).collect()
    }
}
