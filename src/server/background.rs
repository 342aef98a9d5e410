//! The background tasks of a server: each runs until it is aborted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::access::AGENT_SESSION_TIMES;
use crate::app::AppState;
use crate::clock_check::ClockCheck;
use crate::domain::{ReplyLink, Timestamp};
use crate::http;
use crate::service::event_reader::EventReader;
use crate::service::notification::{self, Sender};
use crate::service::{embedder, message_indexer, retention};
use crate::store::notification::queue;
use crate::store::{
    DeletedConversation, Snapshot, StoreError, agent_session, answer, idempotency, key, lease,
    session, sign_in_link,
};

/// Starts the tasks that run until the shutdown.
pub fn spawn_tasks(app: &Arc<AppState>) -> [JoinHandle<()>; 7] {
    [
        actix_web::rt::spawn(housekeeping(app.clone())),
        actix_web::rt::spawn(index_messages(app.clone())),
        actix_web::rt::spawn(end_revoked_subscriptions(app.clone())),
        actix_web::rt::spawn(update_signing_keys(app.clone())),
        actix_web::rt::spawn(end_deleted_conversations(app.clone())),
        actix_web::rt::spawn(send_notifications(app.clone())),
        actix_web::rt::spawn(embed_passages(app.clone())),
    ]
}

/// Starts the tasks that run until the last answer has ended.
pub fn spawn_answer_tasks(app: &Arc<AppState>, events: EventReader) -> [JoinHandle<()>; 3] {
    [
        // Other nodes can end the answers of this one until then.
        actix_web::rt::spawn(publish_events(app.clone(), events)),
        actix_web::rt::spawn(renew_leases(app.clone())),
        actix_web::rt::spawn(save_partial_answers(app.clone())),
    ]
}

/// Adds new messages to the search index, forever.
async fn index_messages(app: Arc<AppState>) {
    message_indexer::run(&app.store, app.settings.search_messages).await;
}

/// Publishes the events of all nodes, forever.
async fn publish_events(app: Arc<AppState>, events: EventReader) {
    events.run(&app.services).await;
}

/// Calculates the vectors of new passages, forever.
async fn embed_passages(app: Arc<AppState>) {
    if let Some(semantic) = &app.semantic {
        embedder::run(&app.store, semantic).await;
    }
}

/// Sends notifications when they are due, forever.
async fn send_notifications(app: Arc<AppState>) {
    if let Some(mailer) = &app.services.notifier.mailer
        && let Err(error) = mailer.check().await
    {
        log::warn!("no e-mail can be sent for the moment: {error}");
    }
    let signing = app.signing.clone();
    let issue_link = move |link: ReplyLink, expires_at| {
        let keys = signing.current();
        keys.reply_links.issue(link, expires_at)
    };
    let sender = Sender {
        store: app.store.clone(),
        notifier: app.services.notifier.clone(),
        base_url: app.own_urls.base(|| None).to_string(),
        encode_waiting: http::json::encode_waiting,
        issue_link: Box::new(issue_link),
    };
    notification::run(Arc::new(sender)).await;
}

/// Removes expired data from memory and from the database, forever. One node removes the
/// data of the database.
async fn housekeeping(app: Arc<AppState>) {
    let times = app.settings.housekeeping;
    let mut clock = ClockCheck::new(Timestamp::now(), times.steady_clock);
    let start = Instant::now();
    loop {
        app.auth.remove_idle_limits();
        app.store.evict_unused_sort_ranges();
        let is_leader = app.task_lock.is_held();
        if is_leader {
            resume_deletions(&app).await;
        }
        let now = Timestamp::now();
        if clock.is_steady(start.elapsed(), now) && is_leader {
            delete_expired(&app, now).await;
            delete_old_conversations(&app, now).await;
        }
        tokio::time::sleep(times.interval).await;
    }
}

/// Continues deletions that an earlier process has not completed.
async fn resume_deletions(app: &AppState) {
    if let Err(error) = app.services.resume_deletions().await {
        log::warn!("a deletion could not be continued: {error}; trying again in 10 minutes");
    }
}

/// Deletes the conversations that were closed before the time of `--retain-closed`.
async fn delete_old_conversations(app: &AppState, now: Timestamp) {
    let Some(days) = app.settings.retain_closed else {
        return;
    };
    let before = retention::closed_before(now, days);
    let end = |deleted: &[DeletedConversation]| app.services.end_conversations(deleted);
    let delete = async {
        let count = retention::delete_closed(&app.store, None, before, end).await?;
        if count > 0 {
            app.services.finish_deletion(Duration::ZERO).await?;
        }
        Ok::<_, StoreError>(count)
    };
    match delete.await {
        Ok(0) => {}
        Ok(count) => {
            log::info!("deleted {count} conversations that were closed more than {days} days ago");
        }
        Err(error) => log::warn!(
            "closed conversations could not be deleted: {error}; trying again in 10 minutes"
        ),
    }
}

/// Renews this process's lease while it streams answers, and fails the answers
/// of processes whose lease expired.
async fn renew_leases(app: Arc<AppState>) {
    loop {
        tokio::time::sleep(lease::RENEW_INTERVAL).await;
        if let Err(error) = renew_lease(&app).await {
            log::warn!("the lease of streaming answers could not be renewed: {error}");
        }
    }
}

async fn renew_lease(app: &AppState) -> Result<(), StoreError> {
    let (own, now) = (app.services.lease, Timestamp::now());
    if app.services.active_answers.count() > 0 {
        app.store.write(own.renewal(now)).await?;
    }
    let find = move |snapshot: &Snapshot| lease::interrupted_owners(snapshot, own, now);
    for owner in app.store.read(find).await? {
        app.store.write(lease::fail_interrupted(owner)).await?;
    }
    Ok(())
}

/// How often revoked keys are looked for. Subscribers of a revoked key are closed
/// within a second.
const REVOCATION_INTERVAL: Duration = Duration::from_millis(500);

/// Ends the live events of revoked keys, of the sessions that were started with them, and
/// of agents who have signed out: one query for all subscribers, and none without
/// subscribers.
async fn end_revoked_subscriptions(app: Arc<AppState>) {
    loop {
        tokio::time::sleep(REVOCATION_INTERVAL).await;
        app.services.project_events.sweep(Instant::now());
        app.services.end_typing(Instant::now());
        for ended in [end_revoked_keys(&app).await, end_agent_sessions(&app).await] {
            if let Err(error) = ended {
                log::debug!("revoked credentials could not be read: {error}");
            }
        }
    }
}

async fn end_revoked_keys(app: &AppState) -> Result<(), StoreError> {
    let (events, project_events) = (&app.services.events, &app.services.project_events);
    let mut keys = events.keys();
    keys.extend(project_events.keys());
    if keys.is_empty() {
        return Ok(());
    }
    let valid = app.store.read(key::valid_seqs).await?;
    keys.retain(|key| !valid.contains(key));
    if !keys.is_empty() {
        events.remove_keys(&keys);
        project_events.revoke_keys(&keys);
    }
    Ok(())
}

async fn end_agent_sessions(app: &AppState) -> Result<(), StoreError> {
    let project_events = &app.services.project_events;
    let mut sessions = project_events.sessions();
    if sessions.is_empty() {
        return Ok(());
    }
    let now = Timestamp::now();
    let read =
        move |snapshot: &Snapshot| agent_session::valid_seqs(snapshot, AGENT_SESSION_TIMES, now);
    let valid = app.store.read(read).await?;
    sessions.retain(|session| !valid.contains(session));
    if !sessions.is_empty() {
        project_events.revoke_sessions(&sessions);
    }
    Ok(())
}

/// How often the signing secret is read. A replaced secret is applied within a second.
const SIGNING_INTERVAL: Duration = Duration::from_millis(500);

/// Applies a signing secret that another process has stored, such as
/// `parlor keys rotate-secret`. Reads the secret instead of
/// `Store::last_external_change`: the writer notices changes of other processes, and a
/// commit on a slow disk, or the lock of another process, would delay that beyond a second.
async fn update_signing_keys(app: Arc<AppState>) {
    loop {
        tokio::time::sleep(SIGNING_INTERVAL).await;
        if let Err(error) = app.update_signing_keys().await {
            log::debug!("the signing secret could not be read: {error}");
        }
    }
}

/// How often changes by other processes are looked for.
const EXTERNAL_CHANGE_INTERVAL: Duration = Duration::from_millis(500);

/// Ends the live events and the answers of conversations that another process deleted,
/// such as `parlor visitors erase`. Reads nothing while no other process writes.
async fn end_deleted_conversations(app: Arc<AppState>) {
    let mut seen = app.store.last_external_change();
    loop {
        tokio::time::sleep(EXTERNAL_CHANGE_INTERVAL).await;
        let last = app.store.last_external_change();
        if last == seen {
            continue;
        }
        match app.services.end_missing_conversations().await {
            Ok(()) => seen = last,
            Err(error) => log::debug!("deleted conversations could not be read: {error}"),
        }
    }
}

/// How often the texts of answers are stored while the answers are streamed. This is the
/// text that a crash can lose.
const SAVE_INTERVAL: Duration = Duration::from_millis(500);

/// Stores the texts so far of the answers that this process streams, in one write
/// for all of them.
async fn save_partial_answers(app: Arc<AppState>) {
    loop {
        tokio::time::sleep(SAVE_INTERVAL).await;
        let answers = &app.services.active_answers;
        let texts = answers.unsaved_texts();
        if texts.is_empty() {
            continue;
        }
        let lengths: Vec<_> = texts.iter().map(|(id, text)| (*id, text.len())).collect();
        let batch = answer::save_texts(app.services.lease, texts);
        match app.store.write(batch).await {
            Ok(_) => answers.mark_saved(&lengths),
            Err(error) => log::debug!("partial answers could not be stored: {error}"),
        }
    }
}

/// How long notifications are shown that are not sent again.
const NOTIFICATION_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Deletes rows that have expired. Requests do not use them, whether they are deleted
/// or not.
async fn delete_expired(app: &AppState, now: Timestamp) {
    for (name, batch) in [
        (
            "sessions",
            session::remove_idle(app.settings.session_idle(), now),
        ),
        (
            "sessions of agents",
            agent_session::remove_expired(AGENT_SESSION_TIMES, now),
        ),
        ("links", sign_in_link::remove_expired(now)),
        ("leases", lease::remove_expired(now)),
        ("idempotency keys", idempotency::remove_expired(now)),
        (
            "notifications",
            queue::remove_finished(now.minus(NOTIFICATION_AGE)),
        ),
    ] {
        if let Err(error) = app.store.write(batch).await {
            log::warn!("expired {name} could not be deleted: {error}; trying again in 10 minutes");
        }
    }
}
