//! The state of learning one source, and what a run may delete.

use std::collections::{HashMap, HashSet};

use super::canonical::CanonicalPages;
use crate::domain::page_address;
use crate::store::document::DocumentSummary;

/// A run that deletes at most so many documents needs no permission.
const MAX_REMOVALS: usize = 5;
/// A run that deletes at most this part of the documents needs no permission: one in 10.
const MIN_DOCUMENTS_PER_REMOVAL: usize = 10;

/// The state of learning one source.
pub struct SourceRun {
    pub source: String,
    /// All documents of the project by address.
    pub stored: HashMap<String, DocumentSummary>,
    /// The addresses that the source delivered.
    pub seen: HashSet<String>,
    /// The addresses that could not be read this time. Their documents stay.
    pub retained: HashSet<String>,
    /// The addresses of pages that do not exist any more, or must not be indexed.
    pub gone: HashSet<String>,
    /// Whether documents that were not seen may be deleted.
    pub is_complete: bool,
    /// Why parts of the source are missing.
    pub failure: Option<String>,
    pub canonical: CanonicalPages,
}

impl SourceRun {
    pub fn new(source: String, stored: Vec<DocumentSummary>) -> Self {
        let by_url = |document: DocumentSummary| (document.url.clone(), document);
        Self {
            source,
            stored: stored.into_iter().map(by_url).collect(),
            seen: HashSet::new(),
            retained: HashSet::new(),
            gone: HashSet::new(),
            is_complete: true,
            failure: None,
            canonical: CanonicalPages::default(),
        }
    }

    /// Retains the document of a page that could not be read. If no document
    /// has this address, the page may be stored under its canonical address, so
    /// that no document of the source may be deleted.
    pub fn retain(&mut self, url: &str) {
        self.is_complete &= self.stored.contains_key(url);
        self.retained.insert(url.to_owned());
    }

    /// Whether this source stored a document. Earlier versions stored a source with
    /// its user name and password.
    fn is_source(&self, stored: &str) -> bool {
        let without_userinfo = || page_address(stored).is_some_and(|url| url == self.source);
        stored == self.source || without_userinfo()
    }

    /// The number of documents of this source before the run.
    pub fn stored_count(&self) -> usize {
        let stored = self.stored.values();
        stored
            .filter(|document| self.is_source(&document.source))
            .count()
    }

    /// The documents of this source that were neither seen nor retained, by address.
    pub fn missing_documents(&self) -> Vec<&DocumentSummary> {
        let is_missing = |document: &&DocumentSummary| {
            self.is_source(&document.source)
                && !self.seen.contains(&document.url)
                && !self.retained.contains(&document.url)
        };
        let mut missing: Vec<_> = self.stored.values().filter(is_missing).collect();
        missing.sort_by(|one, other| one.url.cmp(&other.url));
        missing
    }

    /// The addresses of the missing documents whose pages are not known to be gone.
    pub fn unexplained_removals(&self) -> Vec<String> {
        let missing = self.missing_documents().into_iter();
        let unexplained = missing.filter(|document| !self.gone.contains(&document.url));
        unexplained.map(|document| document.url.clone()).collect()
    }
}

/// Whether a run that deletes `removals` of `stored` documents needs permission.
pub fn needs_permission(removals: usize, stored: usize) -> bool {
    removals > MAX_REMOVALS && removals * MIN_DOCUMENTS_PER_REMOVAL > stored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_removals_need_permission() {
        for (removals, stored, expected) in [
            (0, 0, false),
            (5, 5, false),
            (6, 6, true),
            (6, 60, false),
            (6, 59, true),
            (100, 1000, false),
            (101, 1000, true),
        ] {
            assert_eq!(
                needs_permission(removals, stored),
                expected,
                "{removals} of {stored}"
            );
        }
    }
}
