//! The query of a list of conversations: from the query string to SQL, rows, cursor and
//! JSON.

use std::collections::HashSet;

use parlor::access::Cursors;
use parlor::domain::{ListQuery, ListRequest, Scope, VisitorSeq};
use parlor::http::fuzz_api::list_query;
use parlor::http::json::ConversationListItemJson;
use parlor::store::fuzz_api::parameter_counts;
use parlor::store::{Snapshot, StoreError, conversation};

use super::demo::{DemoDatabase, SCOPE};
use super::{Target, split_first};

pub struct ListQueryTarget {
    database: DemoDatabase,
    cursors: Cursors,
}

impl Target for ListQueryTarget {
    const NAME: &'static str = "list_query";
    const DICTIONARY: &'static [&'static str] = &[
        "limit=",
        "offset=",
        "status=",
        "isHumanHandled=true",
        "isHumanHandled=false",
        "orderBy=",
        "orderDir=",
        "after=",
        "&",
        "%",
        "+",
        "=",
        "asc",
        "desc",
        "open",
        "closed",
        "id",
        "createdAt",
        "updatedAt",
        "lastInterationAt",
        "lastInteractionAt",
        "isHumanHandled",
        "title",
        "closedAt",
        "null",
        "0",
        "1",
        "100",
        "700",
        "9007199254740991",
        "%00",
        "%27",
        "';--",
        "\u{663}",
    ];

    fn new() -> Self {
        Self {
            database: DemoDatabase::create(),
            cursors: Cursors::new(b"secret"),
        }
    }

    fn run(&self, input: &[u8]) {
        let (first, text) = split_first(input);
        let Ok(text) = std::str::from_utf8(text) else {
            return;
        };
        let scope = if first % 2 == 0 {
            SCOPE
        } else {
            Scope::Visitor(VisitorSeq(1))
        };
        let Ok(query) = list_query(text, scope, &self.cursors) else {
            return;
        };
        let read = |snapshot: &Snapshot| self.check_pages(snapshot, scope, query);
        self.database.store.read_blocking(read).expect("pages");
    }
}

impl ListQueryTarget {
    /// Reads the page and the page after the cursor of its last row.
    fn check_pages(
        &self,
        snapshot: &Snapshot,
        scope: Scope,
        query: ListQuery,
    ) -> Result<(), StoreError> {
        let mut ids = HashSet::new();
        let mut query = query;
        for _ in 0..2 {
            let totals = conversation::totals(snapshot, scope)?;
            if let Some((parameters, values)) = parameter_counts(snapshot, scope, &query, &totals)?
            {
                assert_eq!(parameters, values, "{query:?}");
            }
            let mut rows = 0;
            let last = conversation::page(snapshot, scope, &query, &totals, |item| {
                let is_new = ids.insert(item.conversation.id);
                assert!(is_new, "a conversation is listed twice: {query:?}");
                check_json(item);
                rows += 1;
                Ok::<_, StoreError>(())
            })?;
            let matching = totals.matching(query.filter);
            if query.after.is_none() {
                let rest = matching.saturating_sub(query.offset.get());
                assert_eq!(rows, rest.min(query.limit.get()), "{query:?}");
            }
            let Some(last) = last else { break };
            let list = ListRequest {
                query: query.clone(),
                ..ListRequest::default()
            };
            let cursor = self.cursors.sign(scope, &list, &last);
            assert_eq!(self.cursors.verify(scope, &list, &cursor), Ok(last.clone()));
            query = ListQuery {
                after: Some(last),
                offset: Default::default(),
                ..query
            };
        }
        Ok(())
    }
}

fn check_json(item: &parlor::domain::ConversationListItem) {
    let mut json = Vec::new();
    ConversationListItemJson::from(item).write(&mut json);
    serde_json::from_slice::<serde_json::Value>(&json).expect("JSON");
}
