//! Texts that visitors search for or ask: the search in Q&As (FTS5), the search in all
//! passages, and the built-in answer.

use std::ops::ControlFlow;
use std::sync::Arc;

use parlor::answer::builtin::BuiltinProvider;
use parlor::answer::retrieval::{IndexCache, search};
use parlor::answer::{Answer, AnswerProvider, AnswerRequest, ChatMessage, ChatRole};
use parlor::domain::Assistant;
use parlor::store::qna::{QnaQuery, count, page_rows};
use parlor::store::websearch::{SearchSyntax, WebSearch};
use parlor::store::{Snapshot, StoreError, assistant};
use tokio::runtime::{Builder, Runtime};

use super::Target;
use super::demo::{DemoDatabase, PROJECT};

const LIMIT: usize = 10;

pub struct SearchText {
    database: DemoDatabase,
    index_cache: Arc<IndexCache>,
    provider: BuiltinProvider,
    assistant: Assistant,
    runtime: Runtime,
}

impl Target for SearchText {
    const NAME: &'static str = "search_text";
    const DICTIONARY: &'static [&'static str] = &[
        "\"",
        "-",
        " or ",
        " OR ",
        "*",
        "^",
        ":",
        "(",
        ")",
        "{",
        "}",
        "+",
        "NEAR(",
        "AND",
        "NOT",
        "title:",
        "'",
        "\0",
        " ",
        "shipping",
        "returns",
        "Lieferzeit",
        "gift card",
        "hello",
        "thanks",
        "é",
        "日本",
        "🦆",
        "\u{301}",
        "\u{200d}",
        "ß",
        "İ",
    ];
    /// The maximum length of a message in ASCII.
    const MAX_BYTES: usize = 10_000;

    fn new() -> Self {
        let database = DemoDatabase::create();
        let index_cache = Arc::<IndexCache>::default();
        let read = |snapshot: &Snapshot| assistant::default(snapshot, PROJECT);
        Self {
            assistant: database.store.read_blocking(read).expect("an assistant"),
            provider: BuiltinProvider::new(Arc::clone(&index_cache)),
            database,
            index_cache,
            runtime: Builder::new_current_thread().build().expect("a runtime"),
        }
    }

    fn run(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        let read = |snapshot: &Snapshot| self.check_searches(snapshot, &text);
        self.database.store.read_blocking(read).expect("searches");
        let answer = self.answer(&text);
        assert!(!answer.trim().is_empty(), "no answer to {text:?}");
    }
}

impl SearchText {
    fn check_searches(&self, snapshot: &Snapshot, text: &str) -> Result<(), StoreError> {
        let hits = search(snapshot, PROJECT, text, LIMIT, &self.index_cache)?.hits;
        assert!(hits.len() <= LIMIT);
        for hit in &hits {
            assert!((0.0..=1.0).contains(&hit.score), "{}", hit.score);
        }
        let query = QnaQuery {
            search: WebSearch::parse(text, SearchSyntax::QUESTIONS),
            ..QnaQuery::default()
        };
        let mut rows = 0;
        page_rows(snapshot, PROJECT, &query)?.read(snapshot, |_| {
            rows += 1;
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        let matching = count(snapshot, PROJECT, &query)?;
        assert_eq!(rows, matching.min(query.limit.get()), "{text:?}");
        Ok(())
    }

    fn answer(&self, text: &str) -> String {
        let request = AnswerRequest {
            project: PROJECT,
            assistant: self.assistant.clone(),
            messages: vec![ChatMessage {
                role: ChatRole::User,
                content: text.to_owned(),
            }],
            page: None,
        };
        let answer = self.provider.answer(&self.database.store, request);
        match self.runtime.block_on(answer).expect("an answer") {
            Answer::Complete(answer) => answer.text,
            Answer::Stream(_) => panic!("the built-in answer is complete"),
        }
    }
}
