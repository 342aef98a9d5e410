//! `parlor learn`: store the texts of folders and websites, for search and for
//! the assistants.

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Builder;
use url::Url;

use super::CommandError;
use super::database::ProjectArguments;
use super::output::{print_error, print_line};
use super::visible_text::VisibleText;
use crate::answer::embedding::{self, SemanticSearch};
use crate::config::{EmbeddingSettings, parse_base_url};
use crate::domain::{DEFAULT_MAX_PAGES, ProjectSeq};
use crate::learn::DEFAULT_RETRY_LIMIT;
use crate::redaction::redact;
use crate::service::embedder::{EmbedError, Embedder, Order};
use crate::service::learn::{
    LearnError, LearnSource, Learner, ProgressObserver, ReadOptions, RunNotes,
};
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Learn {
    /// Folders and files (.md, .mdx, .html, .rst, .adoc, .txt), pages (https://…) and sitemaps (https://…/sitemap.xml)
    #[arg(required = true, value_name = "PATH|URL")]
    sources: Vec<String>,
    #[command(flatten)]
    target: ProjectArguments,
    /// The address of the folder on the web, such as https://shop.example/help/; answers link to it
    #[arg(long, value_name = "URL", value_parser = parse_base_url)]
    base_url: Option<Url>,
    /// With --base-url: the addresses on the web have no .md or .html at the end
    #[arg(long, requires = "base_url")]
    clean_urls: bool,
    /// The most pages of a sitemap to read
    #[arg(long, default_value_t = DEFAULT_MAX_PAGES, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    max_pages: u32,
    /// Allow addresses of private networks, such as localhost and 10.0.0.1
    #[arg(long)]
    private: bool,
    /// Forget all pages that a source no longer has, also more than 5 pages and 10 % of it
    #[arg(long)]
    allow_removals: bool,
    /// The most seconds in which requests that a website answers 429 or 503 are sent again
    #[arg(long, default_value_t = DEFAULT_RETRY_LIMIT.as_secs(), value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    retry_limit: u64,
    #[command(flatten)]
    embedding: EmbeddingSettings,
}

impl Learn {
    pub fn run(self) -> Result<(), CommandError> {
        let provider = embedding::provider(&self.embedding)?;
        let (store, project) = self.target.open()?;
        let progress = TerminalProgress::new();
        let mut learner =
            Learner::new(&store, project, &progress).allow_removals(self.allow_removals);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let result = runtime.block_on(self.learn_until_interrupted(&mut learner));
        progress.0.finish_and_clear();
        let summary = learner.summary();
        if summary.pages() + summary.deleted > 0 {
            print_line!("{summary}");
        }
        let mut failures = result?;
        if let Some(provider) = provider {
            let semantic = SemanticSearch::new(provider);
            runtime.block_on(embed_until_interrupted(&store, project, &semantic))?;
        }
        match failures.len() {
            0 => Ok(()),
            1 => Err(CommandError::NotLearned(failures.remove(0))),
            count => {
                failures.iter().for_each(|failure| progress.print(failure));
                Err(CommandError::SourcesNotLearned(count))
            }
        }
    }

    /// Learns all sources, or stops at Ctrl-C. Stores the pages that were read
    /// in both cases.
    async fn learn_until_interrupted(
        &self,
        learner: &mut Learner<'_>,
    ) -> Result<Vec<String>, CommandError> {
        let result = tokio::select! {
            result = self.learn_sources(learner) => result,
            _ = tokio::signal::ctrl_c() => Err(CommandError::Stopped),
        };
        learner.stop("The run was stopped").await?;
        result
    }

    /// Learns each source. Returns why sources could not be learned.
    async fn learn_sources(&self, learner: &mut Learner<'_>) -> Result<Vec<String>, CommandError> {
        let mut failures = Vec::new();
        for argument in &self.sources {
            let result = learner.learn(&self.source(argument)).await;
            match result {
                Ok(()) => {}
                Err(LearnError::Store(error)) => return Err(error.into()),
                Err(error) => failures.push(redact(&error.to_string()).into_owned()),
            }
        }
        Ok(failures)
    }

    fn source(&self, text: &str) -> LearnSource {
        let options = ReadOptions {
            base_url: self.base_url.clone(),
            clean_urls: self.clean_urls,
            max_pages: self.max_pages,
            allow_private: self.private,
            retry_limit: Duration::from_secs(self.retry_limit),
        };
        LearnSource::new(text, &options)
    }
}

/// Calculates the vectors of the project's passages, or stops at Ctrl-C. If the model fails,
/// the server calculates the vectors later.
async fn embed_until_interrupted(
    store: &Store,
    project: ProjectSeq,
    semantic: &SemanticSearch,
) -> Result<(), CommandError> {
    let progress = TerminalProgress::new();
    let mut embedder = Embedder::new(store, semantic, Order::NewestFirst, Some(project));
    let embed = async {
        while !embedder.step().await? {
            progress.0.set_length(embedder.known() as u64);
            let done = embedder.known() - embedder.remaining();
            progress.0.set_position(done as u64);
            progress.0.set_message("passages embedded");
        }
        Ok(())
    };
    let result = tokio::select! {
        result = embed => result,
        _ = tokio::signal::ctrl_c() => return Err(CommandError::Stopped),
    };
    progress.0.finish_and_clear();
    match result {
        Ok(()) => Ok(()),
        Err(EmbedError::Store(error)) => Err(error.into()),
        Err(EmbedError::Model(error)) => {
            progress.print(&format!(
                "{error}; passages without vectors are found by their words alone until a server or the next run calculates them"
            ));
            Ok(())
        }
    }
}

/// A progress bar if standard error is a terminal, and the summary of each run.
struct TerminalProgress(ProgressBar);

impl TerminalProgress {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} {wide_msg}");
        let bar = ProgressBar::new(0);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }
}

impl TerminalProgress {
    fn print(&self, line: &str) {
        self.0
            .suspend(|| print_error!("parlor: {}", VisibleText(line)));
    }
}

impl ProgressObserver for TerminalProgress {
    fn add_pages(&self, count: usize) {
        self.0.inc_length(count as u64);
    }

    fn page_done(&self, url: &str) {
        self.0.set_message(url.to_owned());
        self.0.inc(1);
    }

    fn run_ended(&self, _: &str, notes: &RunNotes) {
        notes.summary().iter().for_each(|line| self.print(line));
    }
}
