//! What the steps of one list cost, one by one: `cargo bench`.
//!
//! `benches/run` measures the whole server; this tells in which step time went.

use std::error::Error;
use std::hint::black_box;

use criterion::Criterion;
use parlor::access::Tokens;
use parlor::demo::{DemoPlan, fill};
use parlor::domain::{
    AssistantId, ListQuery, Offset, ProjectId, ProjectSeq, Scope, SessionId, Sort, Status,
    Timestamp, VisitorId,
};
use parlor::http::json::ConversationListItemJson;
use parlor::store::bench_api::{PageStart, compose};
use parlor::store::{Options, Snapshot, Store, StoreError, conversation, project};
use rusqlite::Connection;
use tempfile::TempDir;

const CONVERSATIONS: u32 = 100_000;
const PROJECT: ProjectSeq = ProjectSeq::FIRST;
const SCOPE: Scope = Scope::Project(PROJECT);

type Res<T> = Result<T, Box<dyn Error>>;

fn main() -> Res<()> {
    let mut criterion = Criterion::default().configure_from_args();
    check_a_token(&mut criterion)?;
    let (_folder, store) = desk()?;
    store.read_here(|snapshot| {
        look_ranks_up(&mut criterion, snapshot)?;
        compose_pages(&mut criterion, snapshot)?;
        write_a_row(&mut criterion, snapshot)?;
        read_pages(&mut criterion, snapshot)
    })?;
    criterion.final_summary();
    Ok(())
}

/// A file with a made-up desk in it.
fn desk() -> Res<(TempDir, Store)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("parlor.db");
    let (id, assistant) = (ProjectId::generate(), AssistantId::generate());
    let create = project::create(PROJECT, id, assistant, "Bench", Timestamp(0));
    Store::open(&file, &Options::default())?.write_here(create)?;
    let plan = DemoPlan {
        conversations: CONVERSATIONS,
        visitors: DemoPlan::visitors_for(CONVERSATIONS),
        seed: 1,
    };
    fill(
        &mut Connection::open(&file)?,
        PROJECT.0,
        &plan,
        &|_, _, _| {},
    )?;
    Ok((folder, Store::open(&file, &Options::default())?))
}

/// The pages that steps are measured with: their names and queries.
fn pages() -> [(&'static str, ListQuery); 3] {
    let at = |offset| ListQuery {
        offset: Offset::parse(offset).expect("an offset"),
        ..ListQuery::default()
    };
    let open_by_title = ListQuery {
        status: Some(Status::Open),
        sort: Sort::Title,
        ..at("13000")
    };
    [
        ("first", at("0")),
        ("deep", at("50000")),
        ("deep, open by title", open_by_title),
    ]
}

fn check_a_token(criterion: &mut Criterion) -> Res<()> {
    let tokens = Tokens::new(&[7; 32]);
    let (session, visitor) = (SessionId::generate(), VisitorId::generate());
    let now = Timestamp::now();
    let token = tokens.issue(session, visitor, now, Timestamp(now.0 + 3_600_000))?;
    assert_eq!(tokens.verify(&token), Some(session));
    criterion.bench_function("token/check", |bencher| {
        bencher.iter(|| tokens.verify(black_box(&token)));
    });
    Ok(())
}

fn look_ranks_up(criterion: &mut Criterion, snapshot: &Snapshot) -> Result<(), StoreError> {
    let totals = conversation::totals(snapshot, SCOPE)?;
    for (name, query) in pages() {
        // The first one counts the order.
        PageStart::look_up(snapshot, PROJECT, &query, &totals)?;
        criterion.bench_function(&format!("rank/{name}"), |bencher| {
            bencher.iter(|| PageStart::look_up(snapshot, PROJECT, black_box(&query), &totals));
        });
    }
    Ok(())
}

fn compose_pages(criterion: &mut Criterion, snapshot: &Snapshot) -> Result<(), StoreError> {
    let totals = conversation::totals(snapshot, SCOPE)?;
    for (name, query) in pages() {
        let start = PageStart::look_up(snapshot, PROJECT, &query, &totals)?;
        let total = totals.matching(query.status);
        criterion.bench_function(&format!("compose/{name}"), |bencher| {
            bencher.iter(|| compose(SCOPE, black_box(&query), total, &start));
        });
    }
    Ok(())
}

/// A conversation with its last message, from its row to JSON.
fn write_a_row(criterion: &mut Criterion, snapshot: &Snapshot) -> Result<(), StoreError> {
    let totals = conversation::totals(snapshot, SCOPE)?;
    let mut body = Vec::new();
    let mut measured = false;
    conversation::page(snapshot, SCOPE, &ListQuery::default(), &totals, |item| {
        if !std::mem::replace(&mut measured, true) {
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

/// Whole pages, from the query to JSON.
fn read_pages(criterion: &mut Criterion, snapshot: &Snapshot) -> Result<(), StoreError> {
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
    Ok(())
}
