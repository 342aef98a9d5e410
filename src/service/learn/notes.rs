//! What a run skipped or warned about, grouped by reason.

use std::collections::HashMap;

use crate::domain::{MAX_SOURCE_PROBLEMS, RunReport, SourceProblem};
use crate::learn::SkippedItem;
use crate::redaction::redact;

/// The items of a reason that a summary names.
const SUMMARY_EXAMPLES: usize = 5;
/// The items of a reason that are stored.
const STORED_EXAMPLES: usize = 20;
/// The reasons that are told apart.
const MAX_REASONS: usize = 50;
/// The reason of items beyond [`MAX_REASONS`].
const OTHER_REASONS: &str = "other reasons";

/// What a run skipped or warned about.
#[derive(Debug, Default)]
pub struct RunNotes {
    /// In the order of their first items.
    reasons: Vec<ReasonItems>,
    by_reason: HashMap<String, usize>,
    skipped: u64,
}

/// The items of a reason.
#[derive(Debug)]
struct ReasonItems {
    reason: String,
    /// The first items.
    examples: Vec<String>,
    count: usize,
}

impl RunNotes {
    /// Adds a page or file that is not learned.
    pub fn skip(&mut self, item: SkippedItem) {
        self.skipped += 1;
        self.remark(item);
    }

    /// Adds a remark about something that is learned, or about the source.
    pub fn remark(&mut self, item: SkippedItem) {
        let reason = redact(&item.reason).into_owned();
        let next = self.reasons.len();
        let is_other = next >= MAX_REASONS && !self.by_reason.contains_key(&reason);
        let reason = if is_other {
            OTHER_REASONS.to_owned()
        } else {
            reason
        };
        let index = *self.by_reason.entry(reason.clone()).or_insert(next);
        if index == next {
            self.reasons.push(ReasonItems {
                reason,
                examples: Vec::new(),
                count: 0,
            });
        }
        let items = &mut self.reasons[index];
        items.count += 1;
        if items.examples.len() < STORED_EXAMPLES {
            items.examples.push(redact(&item.item).into_owned());
        }
    }

    /// The first item with its reason.
    pub fn first(&self) -> Option<SkippedItem> {
        let first = self.reasons.first()?;
        Some(SkippedItem::new(first.examples.first()?, &first.reason))
    }

    /// The notes as they are stored.
    pub fn report(&self, removed: u64) -> RunReport {
        let problems = self.reasons.iter().flat_map(|items| {
            let reason = &items.reason;
            items.examples.iter().map(move |item| SourceProblem {
                item: item.clone(),
                reason: reason.clone(),
            })
        });
        RunReport {
            problems: problems.take(MAX_SOURCE_PROBLEMS).collect(),
            skipped: self.skipped,
            removed,
        }
    }

    /// The lines of a summary: some items of each reason, and how many were skipped.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for items in &self.reasons {
            let examples = items.examples.iter().take(SUMMARY_EXAMPLES);
            lines.extend(examples.map(|item| format!("{item}: {}", items.reason)));
            if items.count > SUMMARY_EXAMPLES {
                let more = items.count - SUMMARY_EXAMPLES;
                lines.push(format!("{more} more: {}", items.reason));
            }
        }
        match self.skipped {
            0 => {}
            1 => lines.push("1 item was skipped".to_owned()),
            skipped => lines.push(format!("{skipped} items were skipped")),
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_groups_items_by_reason() {
        let mut notes = RunNotes::default();
        for number in 0..30 {
            notes.skip(SkippedItem::new(format!("/{number}"), "it is gone"));
        }
        notes.remark(SkippedItem::new("sitemap", "it has an &"));
        let summary = notes.summary();
        assert_eq!(
            summary,
            [
                "/0: it is gone",
                "/1: it is gone",
                "/2: it is gone",
                "/3: it is gone",
                "/4: it is gone",
                "25 more: it is gone",
                "sitemap: it has an &",
                "30 items were skipped",
            ]
        );
        let report = notes.report(2);
        assert_eq!(
            (report.problems.len(), report.skipped, report.removed),
            (21, 30, 2)
        );
        assert!(RunNotes::default().summary().is_empty());
    }

    #[test]
    fn number_of_reasons_is_limited() {
        let mut notes = RunNotes::default();
        for number in 0..1000 {
            notes.skip(SkippedItem::new("/", format!("reason {number}")));
        }
        assert_eq!(notes.reasons.len(), MAX_REASONS + 1);
        assert_eq!(notes.report(0).skipped, 1000);
    }
}
