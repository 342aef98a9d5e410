//! `parlor learn`: stores the documents of a source: those that changed since the last run, and
//! deletes those that the source no longer has.
//!
//! A run deletes nothing if a part of the source could not be read, or if it would delete
//! so many documents that the source is more likely broken (`run`).

mod canonical;
mod error;
mod learn_source;
mod notes;
mod removals;
mod run;
mod summary;

use futures_util::StreamExt;

use self::canonical::HeldPage;
pub use self::error::LearnError;
pub use self::learn_source::{LearnSource, ReadOptions};
pub use self::notes::RunNotes;
use self::run::SourceRun;
pub use self::summary::LearnSummary;
use crate::domain::{
    Document, DocumentId, MAX_DOCUMENT_URL_BYTES, ProjectSeq, RunReport, SourceId, SourceKind,
    Timestamp,
};
use crate::learn::{
    Conversion, CrawlPlan, FetchOutcome, FolderSource, NOINDEX, RawDocument, SkippedItem,
    SourceError, WebsiteSource,
};
use crate::redaction::redact;
use crate::store::document::{self, NewDocument};
use crate::store::{Batch, Snapshot, SourceLock, Store, StoreError, source};

/// The passages of one write batch, about. A batch of this size delays the
/// writes of a running server by some milliseconds.
const BATCH_PASSAGES: usize = 200;
/// Attempts of a write while another process holds the write lock.
const MAX_WRITE_ATTEMPTS: usize = 5;

/// Receives the progress of a [`Learner`].
pub trait ProgressObserver {
    /// `count` more pages will be read.
    fn add_pages(&self, count: usize);
    /// One page was read.
    fn page_done(&self, url: &str);
    /// The run of a source has ended.
    fn run_ended(&self, location: &str, notes: &RunNotes);
}

/// Learns sources for one project, and stores the run of each source. Writes are collected
/// in batches: call [`Learner::stop`] after a failed or cancelled source.
pub struct Learner<'a> {
    store: &'a Store,
    project: ProjectSeq,
    observer: &'a dyn ProgressObserver,
    allow_removals: bool,
    /// The stored source that is learned. None: a source is stored when its run begins.
    stored: Option<SourceId>,
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
    /// The summary before the run.
    before: LearnSummary,
    notes: RunNotes,
    /// Released after the end of the run is stored.
    _lock: SourceLock,
}

impl<'a> Learner<'a> {
    pub fn new(store: &'a Store, project: ProjectSeq, observer: &'a dyn ProgressObserver) -> Self {
        Self {
            store,
            project,
            observer,
            allow_removals: false,
            stored: None,
            summary: LearnSummary::default(),
            pending: Batch::default(),
            pending_size: 0,
            current: None,
        }
    }

    /// Whether a run may delete more documents than the rule in `run` allows.
    #[must_use]
    pub fn allow_removals(mut self, allow: bool) -> Self {
        self.allow_removals = allow;
        self
    }

    /// Learns a stored source. Its run is rejected with `NotFound` if the source was deleted.
    #[must_use]
    pub fn only_stored(mut self, source: SourceId) -> Self {
        self.stored = Some(source);
        self
    }

    pub fn summary(&self) -> LearnSummary {
        self.summary
    }

    /// Learns the files of a folder. A file that cannot be read is skipped.
    ///
    /// # Errors
    /// The folder does not exist or has no files with texts, a part of it cannot be read,
    /// many of its documents would be deleted, or the database fails.
    pub async fn learn_folder(&mut self, folder: &FolderSource) -> Result<(), LearnError> {
        let location = match folder.id() {
            Ok(location) => location,
            Err(error) => return Err(self.missing_folder(folder, error).await?),
        };
        self.begin(&location, SourceKind::Folder).await?;
        let result = self.read_folder(folder, location).await;
        self.end(result).await
    }

    /// Stores that a folder does not exist, if it was learned before.
    async fn missing_folder(
        &self,
        folder: &FolderSource,
        error: SourceError,
    ) -> Result<LearnError, LearnError> {
        let location = LearnSource::Folder(folder.clone()).location();
        let reason = error.to_string();
        let (now, report) = (Timestamp::now(), RunReport::default());
        let end = source::end_run(self.project, &location, now, Err(&reason), &report);
        self.write(end).await?;
        Ok(error.into())
    }

    async fn read_folder(
        &mut self,
        folder: &FolderSource,
        location: String,
    ) -> Result<(), LearnError> {
        let mut run = self.start_run(location).await?;
        let listing = folder.list_files();
        run.failure = listing.failure.map(|item| item.to_string());
        listing.skipped.into_iter().for_each(|item| self.skip(item));
        listing
            .warnings
            .into_iter()
            .for_each(|item| self.remark(item));
        self.observer.add_pages(listing.files.len());
        for file in listing.files {
            match file.read() {
                Ok(raw) => self.learn_document(&mut run, raw).await?,
                Err(item) => {
                    self.skip(item);
                    run.retained.insert(file.url.clone());
                }
            }
            self.observer.page_done(&file.url);
            // Lets the caller handle Ctrl-C.
            tokio::task::yield_now().await;
        }
        self.finish_run(run, None).await
    }

    /// Learns a page, or the pages of a sitemap. A further page that cannot be
    /// read is skipped.
    ///
    /// # Errors
    /// The address, robots.txt or a sitemap cannot be read, no page has a text, many
    /// documents would be deleted, or the database fails.
    pub async fn learn_website(&mut self, website: &WebsiteSource) -> Result<(), LearnError> {
        self.begin(website.id(), SourceKind::Website).await?;
        let result = self.read_website(website).await;
        self.end(result).await
    }

    async fn read_website(&mut self, website: &WebsiteSource) -> Result<(), LearnError> {
        let mut plan = website.plan_crawl().await?;
        let mut run = self.start_run(website.id().to_owned()).await?;
        self.check_kind(&run, &plan)?;
        run.failure = plan.failures.first().map(ToString::to_string);
        let left_out = plan.left_out.iter().map(ToString::to_string);
        run.retained.extend(left_out);
        for item in plan.failures.drain(..).chain(plan.skipped.drain(..)) {
            self.skip(item);
        }
        plan.warnings.drain(..).for_each(|item| self.remark(item));
        self.observer.add_pages(plan.pages.len());
        {
            let outcomes = plan.fetch_pages();
            let mut outcomes = std::pin::pin!(outcomes);
            while let Some((url, outcome)) = outcomes.next().await {
                match outcome {
                    FetchOutcome::Found(raw) => self.learn_document(&mut run, raw).await?,
                    FetchOutcome::Gone(reason) => {
                        run.gone.insert(url.to_string());
                        self.skip(SkippedItem::new(url.as_str(), reason));
                    }
                    FetchOutcome::Skipped(reason) => {
                        self.skip(SkippedItem::new(url.as_str(), reason));
                    }
                    FetchOutcome::Failed(reason) => {
                        self.skip(SkippedItem::new(url.as_str(), reason));
                        run.retain(url.as_str());
                    }
                }
                self.observer.page_done(url.as_str());
            }
        }
        self.finish_run(run, Some(&plan)).await
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

    fn skip(&mut self, item: SkippedItem) {
        if let Some(run) = &mut self.current {
            run.notes.skip(item);
        }
    }

    fn remark(&mut self, item: SkippedItem) {
        if let Some(run) = &mut self.current {
            run.notes.remark(item);
        }
    }

    /// Stores that the run of a source begins.
    async fn begin(&mut self, location: &str, kind: SourceKind) -> Result<(), LearnError> {
        let lock = SourceLock::try_acquire(self.store, self.project, location);
        let lock = lock.map_err(LearnError::Lock)?;
        let lock = lock.ok_or_else(|| LearnError::Running(location.to_owned()))?;
        let now = Timestamp::now();
        let begin = match self.stored {
            Some(id) => source::begin_stored_run(self.project, id, now),
            None => source::begin_run(self.project, location, kind, now),
        };
        self.write(begin).await?;
        self.current = Some(CurrentRun {
            location: location.to_owned(),
            before: self.summary,
            notes: RunNotes::default(),
            _lock: lock,
        });
        Ok(())
    }

    /// The pages that the current run has read.
    fn run_pages(&self) -> usize {
        let before = self.current.as_ref().map(|run| run.before.pages());
        self.summary.pages() - before.unwrap_or_default()
    }

    /// Stores how the run ended, and returns its result.
    async fn end(&mut self, result: Result<(), LearnError>) -> Result<(), LearnError> {
        // Pages that were read before the source failed.
        self.flush().await?;
        let pages = self.run_pages();
        let Some(run) = self.current.take() else {
            return result;
        };
        let result = result.and_then(|()| match pages {
            0 => Err(no_page_error(&run)),
            _ => Ok(()),
        });
        let error = result.as_ref().err().map(ToString::to_string);
        let error = error.as_deref().map(redact);
        let stored = error.as_deref().map_or(Ok(pages as u64), Err);
        self.store_end(&run, stored).await?;
        self.observer.run_ended(&run.location, &run.notes);
        result
    }

    async fn store_end(
        &self,
        run: &CurrentRun,
        result: Result<u64, &str>,
    ) -> Result<(), StoreError> {
        let removed = self.summary.deleted - run.before.deleted;
        let report = run.notes.report(removed as u64);
        let now = Timestamp::now();
        let end = source::end_run(self.project, &run.location, now, result, &report);
        self.write(end).await
    }

    /// Writes the pending batch. A run that has not ended failed for `reason`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stop(&mut self, reason: &str) -> Result<(), StoreError> {
        self.flush().await?;
        if let Some(run) = self.current.take() {
            self.store_end(&run, Err(reason)).await?;
            self.observer.run_ended(&run.location, &run.notes);
        }
        Ok(())
    }

    async fn start_run(&self, source: String) -> Result<SourceRun, StoreError> {
        let project = self.project;
        let read = move |snapshot: &Snapshot| document::list_all(snapshot, project);
        let stored = self.store.read(read).await?;
        Ok(SourceRun::new(source, stored))
    }

    async fn learn_document(
        &mut self,
        run: &mut SourceRun,
        raw: RawDocument,
    ) -> Result<(), StoreError> {
        let document = match raw.convert() {
            Conversion::Document(document) => document,
            Conversion::NoIndex => {
                self.skip(SkippedItem::new(&raw.url, NOINDEX));
                run.gone.insert(raw.url);
                return Ok(());
            }
        };
        if document.sections.is_empty() {
            self.skip(SkippedItem::new(
                &document.url,
                "it says nothing; no text was found",
            ));
            return Ok(());
        }
        if document.url.len() > MAX_DOCUMENT_URL_BYTES {
            let start: String = document.url.chars().take(100).collect();
            self.skip(SkippedItem::new(
                format!("{start}…"),
                "its address is too long",
            ));
            return Ok(());
        }
        let hash = raw.hash();
        let page = HeldPage {
            own_url: raw.url,
            document,
            hash,
        };
        for page in run.canonical.add(page) {
            self.learn_page(run, &page).await?;
        }
        Ok(())
    }

    async fn learn_page(&mut self, run: &mut SourceRun, page: &HeldPage) -> Result<(), StoreError> {
        // Several pages may have the same canonical address; the first counts.
        if !run.seen.insert(page.document.url.clone()) {
            return Ok(());
        }
        self.summary.passages += page.document.sections.len();
        self.store_if_changed(run, &page.document, page.hash);
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
            let reason = format!("stored in the place of what {} had there", stored.source);
            self.remark(SkippedItem::new(&document.url, reason));
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

    /// Learns the pages that were held, deletes the documents that the source no longer
    /// has, and writes the pending batch.
    async fn finish_run(
        &mut self,
        mut run: SourceRun,
        plan: Option<&CrawlPlan>,
    ) -> Result<(), LearnError> {
        for page in run.canonical.take_held() {
            self.learn_page(&mut run, &page).await?;
        }
        for (url, count) in run.canonical.take_ignored() {
            let reason =
                format!("{count} pages have this canonical address; it is not followed for them");
            self.remark(SkippedItem::new(url, reason));
        }
        self.flush().await?;
        if let Some(failure) = &run.failure {
            return Err(LearnError::Incomplete(format!(
                "{}: not all of it could be read ({failure}); what could be read is stored, and \
                 nothing of it is forgotten",
                run.source
            )));
        }
        // A source without pages is an error.
        if self.run_pages() > 0 {
            self.delete_missing(run, plan).await?;
        }
        Ok(())
    }
}

fn no_page_error(run: &CurrentRun) -> LearnError {
    let location = &run.location;
    let reason = match run.notes.first() {
        Some(first) => format!(" ({first})"),
        None => String::new(),
    };
    LearnError::Incomplete(format!(
        "{location}: no page with a text was found{reason}; nothing of it is forgotten"
    ))
}
