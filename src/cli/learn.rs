//! `parlor learn`: what the assistants and search know.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Builder;
use url::Url;

use super::CommandError;
use super::database::DatabaseFile;
use crate::domain::{ProjectId, ProjectSeq};
use crate::learn::{FolderSource, LearnError, Learner, ProgressObserver, WebsiteSource};
use crate::service::setup;
use crate::store::{Store, project};

#[derive(Debug, Args)]
pub struct Learn {
    /// Folders and files (.md, .html, .txt), pages (https://…) and sitemaps (https://…/sitemap.xml)
    #[arg(required = true, value_name = "PATH|URL")]
    sources: Vec<String>,
    #[command(flatten)]
    target: Target,
    /// Where the folder stands on the web, such as https://shop.example/help/; answers then link there
    #[arg(long, value_name = "URL", value_parser = web_address)]
    base_url: Option<Url>,
    /// With --base-url: the website's addresses have no .md or .html at their end
    #[arg(long, requires = "base_url")]
    clean_urls: bool,
    /// Pages of a sitemap that are read at most
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    max_pages: u32,
    /// Allow addresses of private networks, such as localhost and 10.0.0.1
    #[arg(long)]
    private: bool,
}

/// Which project of which file.
#[derive(Debug, Args)]
pub struct Target {
    #[command(flatten)]
    file: DatabaseFile,
    /// The project's id; without it, the first project of the file
    #[arg(long, value_name = "ID", value_parser = project_id)]
    project: Option<ProjectId>,
}

impl Target {
    pub fn open(&self) -> Result<(Store, ProjectSeq), CommandError> {
        let store = self.file.open()?;
        let project = match self.project {
            None => setup::first_project(&store)?,
            Some(id) => {
                let found = store.read_here(|snapshot| project::find(snapshot, id))?;
                found.ok_or(CommandError::NoSuchProject(id))?
            }
        };
        Ok((store, project))
    }
}

fn project_id(text: &str) -> Result<ProjectId, String> {
    ProjectId::parse(text).ok_or_else(|| "must be a project's id, a UUID".to_owned())
}

/// An address on the web; whether its pages can be reached is seen later.
fn web_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let mut url = url.ok_or("must be an address such as https://shop.example/help/")?;
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// A source as it was typed.
enum Source {
    Folder(FolderSource),
    Website(WebsiteSource),
}

impl Learn {
    pub fn run(self) -> Result<(), CommandError> {
        let (store, project) = self.target.open()?;
        let progress = Progress::new();
        let mut learner = Learner::new(&store, project, &progress);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let ended = runtime.block_on(async {
            let ended = tokio::select! {
                ended = self.learn(&mut learner, &progress) => ended,
                _ = tokio::signal::ctrl_c() => Err(CommandError::Stopped),
            };
            learner.flush().await?;
            ended
        });
        progress.0.finish_and_clear();
        let summary = learner.summary();
        if summary.pages() + summary.deleted > 0 {
            println!("{summary}");
        }
        ended?;
        match summary.pages() {
            0 => Err(CommandError::NothingLearned),
            _ => Ok(()),
        }
    }

    /// A source that cannot be read does not keep the others from it.
    async fn learn(
        &self,
        learner: &mut Learner<'_>,
        progress: &Progress,
    ) -> Result<(), CommandError> {
        for source in &self.sources {
            let learned = match self.source(source) {
                Source::Folder(folder) => learner.learn_folder(&folder).await,
                Source::Website(website) => learner.learn_website(&website).await,
            };
            match learned {
                Ok(()) => {}
                Err(LearnError::Source(error)) => progress.warn(&error.to_string()),
                Err(LearnError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn source(&self, text: &str) -> Source {
        let url = Url::parse(text).ok();
        match url.filter(|url| matches!(url.scheme(), "http" | "https")) {
            Some(url) => Source::Website(WebsiteSource {
                url,
                max_pages: self.max_pages as usize,
                allow_private: self.private,
            }),
            None => Source::Folder(FolderSource {
                path: PathBuf::from(text),
                base_url: self.base_url.clone(),
                clean_urls: self.clean_urls,
            }),
        }
    }
}

/// A bar on a terminal, and warnings anywhere.
struct Progress(ProgressBar);

impl Progress {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} {wide_msg}");
        let bar = ProgressBar::new(0);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }
}

impl ProgressObserver for Progress {
    fn add_pages(&self, count: usize) {
        self.0.inc_length(count as u64);
    }

    fn page_done(&self, url: &str) {
        self.0.set_message(url.to_owned());
        self.0.inc(1);
    }

    fn warn(&self, message: &str) {
        self.0.suspend(|| eprintln!("parlor: {message}"));
    }
}
