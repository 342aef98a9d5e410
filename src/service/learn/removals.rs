//! Which documents a run deletes: those that its source no longer has, unless so many are
//! missing that the source is more likely broken.

use futures_util::StreamExt;

use super::run::{SourceRun, needs_permission};
use super::{LearnError, Learner};
use crate::learn::{Conversion, CrawlPlan, FetchOutcome, SkippedItem};
use crate::store::document;

/// What the operator can do if a run refuses to delete documents.
const PERMISSION_HINT: &str = "; if that is intended, learn it again with --allow-removals \
                               (over the API with allowRemovals)";

impl Learner<'_> {
    /// Refuses a page in the place of a sitemap: its website is probably broken.
    pub(super) fn check_kind(&self, run: &SourceRun, plan: &CrawlPlan) -> Result<(), LearnError> {
        let before = run.stored_count();
        if !plan.is_single_page || before < 2 || self.allow_removals {
            return Ok(());
        }
        Err(LearnError::Incomplete(format!(
            "{}: it was a sitemap with {before} pages and is one page now; nothing of it is \
             forgotten{PERMISSION_HINT}",
            run.source
        )))
    }

    /// Deletes the documents that the source no longer has.
    pub(super) async fn delete_missing(
        &mut self,
        mut run: SourceRun,
        plan: Option<&CrawlPlan>,
    ) -> Result<(), LearnError> {
        if !run.is_complete {
            if !run.missing_documents().is_empty() {
                let reason = "as not all of it could be read, nothing of it is forgotten";
                self.remark(SkippedItem::new(&run.source, reason));
            }
            return Ok(());
        }
        let stored = run.stored_count();
        let is_refused = |run: &SourceRun| {
            !self.allow_removals && needs_permission(run.unexplained_removals().len(), stored)
        };
        if let Some(plan) = plan.filter(|_| is_refused(&run)) {
            find_gone_pages(&mut run, plan).await;
        }
        if is_refused(&run) {
            let count = run.unexplained_removals().len();
            return Err(LearnError::Incomplete(format!(
                "{}: {count} of its {stored} pages are missing, so nothing of it is \
                 forgotten{PERMISSION_HINT}",
                run.source
            )));
        }
        for document in run.missing_documents() {
            let delete = document::delete_of_source(self.project, document.id, &document.source);
            self.queue(delete, 1);
            self.summary.deleted += 1;
        }
        Ok(self.flush().await?)
    }
}

/// Fetches the missing pages, to find out whether they do not exist any more.
async fn find_gone_pages(run: &mut SourceRun, plan: &CrawlPlan) {
    let urls = run.unexplained_removals();
    let outcomes = plan.fetch_others(&urls);
    let mut outcomes = std::pin::pin!(outcomes);
    while let Some((url, outcome)) = outcomes.next().await {
        let is_gone = match outcome {
            FetchOutcome::Gone(_) => true,
            FetchOutcome::Found(raw) => raw.convert() == Conversion::NoIndex,
            FetchOutcome::Skipped(_) | FetchOutcome::Failed(_) => false,
        };
        if is_gone {
            run.gone.insert(url.into());
        }
    }
}
