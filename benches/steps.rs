//! The time of each step of one list request: `cargo bench --bench steps`.
//!
//! `benches/run` measures the whole server. This shows in which step the time
//! goes.

use std::error::Error;
use std::hint::black_box;

use criterion::Criterion;
use parlor::access::Tokens;
use parlor::demo::{DemoPlan, fill};
use parlor::domain::{
    AssistantId, ListFilter, ListQuery, Offset, ProjectId, ProjectSeq, Scope, SessionId, Sort,
    Status, Timestamp, VisitorId,
};
use parlor::http::json::ConversationListItemJson;
use parlor::store::bench_api::{PageStart, compose};
use parlor::store::{Options, Snapshot, Store, StoreError, conversation, project};
use tempfile::TempDir;

const CONVERSATIONS: u32 = 100_000;
const PROJECT: ProjectSeq = ProjectSeq::FIRST;
const SCOPE: Scope = Scope::Project(PROJECT);

type BenchResult<T> = Result<T, Box<dyn Error>>;

fn main() -> BenchResult<()> {
    let mut criterion = Criterion::default().configure_from_args();
    bench_token_check(&mut criterion);
    let (_folder, store) = demo_store()?;
    store.read_blocking(|snapshot| {
        bench_offset_index(&mut criterion, snapshot)?;
        bench_compose(&mut criterion, snapshot)?;
        bench_row_to_json(&mut criterion, snapshot)?;
        bench_pages(&mut criterion, snapshot);
        Ok::<_, StoreError>(())
    })?;
    criterion.final_summary();
    Ok(())
}

/// A store with generated demo data.
fn demo_store() -> BenchResult<(TempDir, Store)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("parlor.db");
    let (id, assistant) = (ProjectId::generate(), AssistantId::generate());
    let create = project::create(PROJECT, id, assistant, "Bench", Timestamp(0));
    Store::open(&file, &Options::default())?.write_blocking(create)?;
    let plan = DemoPlan {
        conversations: CONVERSATIONS,
        visitors: DemoPlan::default_visitors(CONVERSATIONS),
        seed: 1,
        end: Timestamp::now(),
    };
    fill(&file, PROJECT, &plan, &|_, _, _| {})?;
    Ok((folder, Store::open(&file, &Options::default())?))
}

/// The names and queries of the measured pages.
fn pages() -> [(&'static str, ListQuery); 3] {
    let at = |offset| ListQuery {
        offset: Offset::parse(offset).expect("an offset"),
        ..ListQuery::default()
    };
    let open_by_title = ListQuery {
        filter: ListFilter::by_status(Some(Status::Open)),
        sort: Sort::Title,
        ..at("13000")
    };
    [
        ("first", at("0")),
        ("deep", at("50000")),
        ("deep, open by title", open_by_title),
    ]
}

fn bench_token_check(criterion: &mut Criterion) {
    let tokens = Tokens::new(&[7; 32]);
    let (session, visitor) = (SessionId::generate(), VisitorId::generate());
    let now = Timestamp::now();
    let token = tokens.issue(session, visitor, now, Timestamp(now.0 + 3_600_000));
    assert_eq!(tokens.verify(&token), Some(session));
    criterion.bench_function("token/check", |bencher| {
        bencher.iter(|| tokens.verify(black_box(&token)));
    });
}

fn bench_offset_index(criterion: &mut Criterion, snapshot: &Snapshot) -> Result<(), StoreError> {
    let totals = conversation::totals(snapshot, SCOPE)?;
    for (name, query) in pages() {
        // The first lookup builds the counts of the order.
        PageStart::look_up(snapshot, PROJECT, &query, &totals)?;
        criterion.bench_function(&format!("rank/{name}"), |bencher| {
            bencher.iter(|| PageStart::look_up(snapshot, PROJECT, black_box(&query), &totals));
        });
    }
    Ok(())
}

fn bench_compose(criterion: &mut Criterion, snapshot: &Snapshot) -> Result<(), StoreError> {
    let totals = conversation::totals(snapshot, SCOPE)?;
    for (name, query) in pages() {
        let start = PageStart::look_up(snapshot, PROJECT, &query, &totals)?;
        let total = totals.matching(query.filter);
        criterion.bench_function(&format!("compose/{name}"), |bencher| {
            bencher.iter(|| compose(SCOPE, black_box(&query), total, &start));
        });
    }
    Ok(())
}

/// Writes one conversation with its last message as JSON.
fn bench_row_to_json(criterion: &mut Criterion, snapshot: &Snapshot) -> Result<(), StoreError> {
    let totals = conversation::totals(snapshot, SCOPE)?;
    let mut body = Vec::new();
    let mut is_measured = false;
    conversation::page(snapshot, SCOPE, &ListQuery::default(), &totals, |item| {
        if !std::mem::replace(&mut is_measured, true) {
            criterion.bench_function("row/to JSON", |bencher| {
                bencher.iter(|| {
                    body.clear();
                    ConversationListItemJson::from(black_box(item)).write(&mut body);
                });
            });
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(())
}

/// Reads a whole page, from the query to JSON.
fn bench_pages(criterion: &mut Criterion, snapshot: &Snapshot) {
    let mut body = Vec::new();
    for (name, query) in pages() {
        criterion.bench_function(&format!("page/{name}"), |bencher| {
            bencher.iter(|| {
                body.clear();
                let totals = conversation::totals(snapshot, SCOPE)?;
                conversation::page(snapshot, SCOPE, black_box(&query), &totals, |item| {
                    ConversationListItemJson::from(item).write(&mut body);
                    Ok::<_, StoreError>(())
                })
            });
        });
    }
}
