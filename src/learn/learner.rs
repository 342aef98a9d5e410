//! Storing what a source has: what differs from last time, and forgetting what
//! is gone.

use std::collections::{HashMap, HashSet};
use std::fmt;

use futures_util::StreamExt;

use super::folder::{FolderListing, FolderSource};
use super::website::{FetchOutcome, WebsiteSource};
use super::{Conversion, RawDocument};
use crate::domain::{Document, DocumentId, ProjectSeq, Timestamp};
use crate::store::document::{self, DocumentSummary, NewDocument};
use crate::store::{Batch, Store, StoreError};

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    #[error("{0}")]
    Source(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What whoever waits is told meanwhile.
pub trait ProgressObserver {
    /// So many pages will be read.
    fn expect(&self, pages: usize);
    /// The next was read.
    fn read(&self, what: &str);
    /// Something was passed over or could not be read.
    fn warn(&self, what: &str);
}

/// What was done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LearnSummary {
    pub new: usize,
    pub changed: usize,
    pub as_before: usize,
    pub forgotten: usize,
    /// Of all pages that were read.
    pub passages: usize,
}

impl LearnSummary {
    pub fn pages(&self) -> usize {
        self.new + self.changed + self.as_before
    }
}

impl fmt::Display for LearnSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let (pages, passages) = (self.pages(), self.passages);
        write!(f, "learned {pages} page{} ", plural(pages))?;
        let Self { new, changed, .. } = self;
        write!(
            f,
            "({new} new, {changed} changed, {} as before, ",
            self.as_before
        )?;
        write!(
            f,
            "{} forgotten), {passages} passage{}",
            self.forgotten,
            plural(passages)
        )
    }
}

/// Passages that are stored in one write, or a few more. A write holds up those
/// of a running server, for some milliseconds with this many.
const BATCH_PASSAGES: usize = 200;
/// How often a write is tried while a running server keeps the file to itself.
const MAX_WRITE_ATTEMPTS: usize = 5;

/// Learns for one project.
pub struct Learner<'a> {
    store: &'a Store,
    project: ProjectSeq,
    watch: &'a dyn ProgressObserver,
    tally: LearnSummary,
    waiting: Batch,
    weight: usize,
}

/// One source while it is read.
struct SourceRun {
    source: String,
    /// The project's documents, by address.
    known: HashMap<String, DocumentSummary>,
    /// What the source has, by address.
    seen: HashSet<String>,
    /// What could not be read this time and is kept as it was.
    kept: HashSet<String>,
    /// Whether what was not seen is gone.
    whole: bool,
}

impl<'a> Learner<'a> {
    pub fn new(store: &'a Store, project: ProjectSeq, watch: &'a dyn ProgressObserver) -> Self {
        Self {
            store,
            project,
            watch,
            tally: LearnSummary::default(),
            waiting: Batch::default(),
            weight: 0,
        }
    }

    pub fn tally(&self) -> LearnSummary {
        self.tally
    }

    /// Learns the files of a folder.
    ///
    /// # Errors
    /// Where there is no such folder, or the database cannot be used. A file
    /// that cannot be read is a warning.
    pub async fn folder(&mut self, folder: &FolderSource) -> Result<(), LearnError> {
        let mut round = self.begin(folder.source()?).await?;
        let FolderListing {
            files,
            warnings,
            whole,
        } = folder.list_files();
        round.whole = whole;
        warnings.iter().for_each(|warning| self.watch.warn(warning));
        self.watch.expect(files.len());
        for file in files {
            match file.load() {
                Ok(found) => self.take(&mut round, found).await?,
                Err(why) => {
                    self.watch.warn(&why);
                    round.kept.insert(file.url.clone());
                }
            }
            self.watch.read(&file.url);
            // Lets Ctrl-C through.
            tokio::task::yield_now().await;
        }
        self.end(round).await
    }

    /// Learns a page, or the pages of a sitemap.
    ///
    /// # Errors
    /// Where the address or robots.txt cannot be read, or the database cannot
    /// be used. A further page that cannot be read is a warning.
    pub async fn site(&mut self, site: &WebsiteSource) -> Result<(), LearnError> {
        let mut plan = site.plan_crawl().await?;
        let mut round = self.begin(site.url.to_string()).await?;
        round.whole = plan.whole;
        let left_out = plan.left_out.iter().map(ToString::to_string);
        round.kept.extend(left_out);
        let warnings = plan.warnings.iter();
        warnings.for_each(|warning| self.watch.warn(warning));
        self.watch.expect(plan.pages.len());
        let visits = plan.fetch_pages();
        let mut visits = std::pin::pin!(visits);
        while let Some((url, visit)) = visits.next().await {
            match visit {
                FetchOutcome::Found(found) => self.take(&mut round, found).await?,
                FetchOutcome::NoIndex => {}
                FetchOutcome::Skipped(why) => self.watch.warn(&format!("{url}: {why}")),
                FetchOutcome::Failed(why) => {
                    self.watch.warn(&format!("{url}: {why}"));
                    round.keep(url.as_str());
                }
            }
            self.watch.read(url.as_str());
        }
        self.end(round).await
    }

    /// Stores what waits to be. Whoever breaks off calls it too.
    pub async fn flush(&mut self) -> Result<(), StoreError> {
        self.weight = 0;
        let batch = std::mem::take(&mut self.waiting);
        for _ in 1..MAX_WRITE_ATTEMPTS {
            match self.store.write(batch.clone()).await {
                Err(StoreError::Busy) => log::info!("the file is busy; trying again"),
                done => return done.map(drop),
            }
        }
        self.store.write(batch).await.map(drop)
    }

    async fn begin(&self, source: String) -> Result<SourceRun, StoreError> {
        let project = self.project;
        let known = self
            .store
            .read(move |snapshot| document::list_all(snapshot, project));
        let known: Vec<DocumentSummary> = known.await?;
        Ok(SourceRun {
            source,
            known: known
                .into_iter()
                .map(|one| (one.url.clone(), one))
                .collect(),
            seen: HashSet::new(),
            kept: HashSet::new(),
            whole: true,
        })
    }

    async fn take(&mut self, round: &mut SourceRun, found: RawDocument) -> Result<(), StoreError> {
        let document = match found.read() {
            Conversion::Document(document) if !document.sections.is_empty() => document,
            Conversion::Document(document) => {
                self.watch
                    .warn(&format!("{}: it says nothing", document.url));
                return Ok(());
            }
            Conversion::NoIndex => return Ok(()),
        };
        // Pages that name the same page as the proper one are that one.
        if !round.seen.insert(document.url.clone()) {
            return Ok(());
        }
        self.tally.passages += document.sections.len();
        self.compare(round, &document, found.hash());
        match self.weight >= BATCH_PASSAGES {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Has the document stored where it, or what it was learned from, is new.
    fn compare(&mut self, round: &SourceRun, document: &Document, hash: [u8; 32]) {
        let known = round.known.get(&document.url);
        let same = known.is_some_and(|known| known.hash == hash);
        let count = match known {
            _ if same => &mut self.tally.as_before,
            Some(_) => &mut self.tally.changed,
            None => &mut self.tally.new,
        };
        *count += 1;
        let here = known.is_some_and(|known| known.source == round.source);
        if let Some(known) = known.filter(|known| !here && !same && !known.source.is_empty()) {
            let (url, source) = (&document.url, &known.source);
            self.watch.warn(&format!(
                "{url}: stored in the place of what {source} had there"
            ));
        }
        if same && here {
            return;
        }
        let new = NewDocument {
            id: DocumentId::generate(),
            project: self.project,
            document,
            hash,
            source: &round.source,
            at: Timestamp::now(),
        };
        self.queue(new.upsert(), document.sections.len() + 1);
    }

    fn queue(&mut self, batch: Batch, weight: usize) {
        self.waiting = std::mem::take(&mut self.waiting).then(batch);
        self.weight += weight;
    }

    /// Forgets what the source no longer has.
    async fn end(&mut self, round: SourceRun) -> Result<(), LearnError> {
        let gone = round.gone();
        if !round.whole && !gone.is_empty() {
            self.watch.warn(&format!(
                "{}: as not all of it could be read, nothing of it is forgotten",
                round.source
            ));
        }
        for id in gone.into_iter().filter(|_| round.whole) {
            self.queue(document::delete(self.project, id), 1);
            self.tally.forgotten += 1;
        }
        Ok(self.flush().await?)
    }
}

impl SourceRun {
    /// Keeps what could not be read. Where no document has its address, it may
    /// have been learned under another, so that none can be forgotten.
    fn keep(&mut self, url: &str) {
        self.whole &= self.known.contains_key(url);
        self.kept.insert(url.to_owned());
    }

    fn gone(&self) -> Vec<DocumentId> {
        let unseen = |url: &str| !self.seen.contains(url) && !self.kept.contains(url);
        let own = self.known.values().filter(|one| one.source == self.source);
        own.filter(|one| unseen(&one.url))
            .map(|one| one.id)
            .collect()
    }
}
