//! What belongs to a project.

use std::time::Duration;

use super::Pair;
use super::pair::PROJECT;
use crate::domain::{
    AgentId, AgentName, AgentRole, AgentSeq, AgentSessionId, AssistantId, EmailAddress, Key, KeyId,
    KeyKind, MessageId, NotificationKind, ProjectChange, ProjectId, ProjectName, SavedReply,
    SavedReplyId, TargetsChange, Timestamp, TokenHash, VisitorSeq, WaitingReason, WebhookSecret,
    WidgetChange, WidgetSetting, WidgetValue,
};
use crate::store::agent_account::{self, AccountChange, NewAccount};
use crate::store::agent_session::{self, NewSession, SessionTimes};
use crate::store::assistant::{self, AssistantChange};
use crate::store::export::Record;
use crate::store::key::{self, NewKey};
use crate::store::notification::queue::{self, Exclusions, ReplyEmail};
use crate::store::notification::settings::{change_targets, recent, targets};
use crate::store::project_removal::{RemovalStep, delete_project};
use crate::store::rejection::Rejection;
use crate::store::snapshot::Snapshot;
use crate::store::waiting::WaitingContext;
use crate::store::{notification, project, saved_reply, sign_in_link};

fn name(text: &str) -> ProjectName {
    ProjectName::parse("name", text).expect("a name")
}

pub fn set(key: &str, value: Option<&'static str>) -> WidgetChange {
    let setting = WidgetSetting::find(key).expect("a setting");
    let value = value.map(|text| WidgetValue::Text(text.into()));
    WidgetChange(vec![(setting, value)])
}

#[test]
fn projects_change_in_the_same_way() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    let other = project::create(
        pair.read(project::next_seq),
        ProjectId::generate(),
        AssistantId::generate(),
        "Other",
        Timestamp(2),
    );
    pair.write(project::expect_new_name(&name("Other")).then(other));
    pair.rejected(
        project::expect_new_name(&name("Other")),
        Rejection::ProjectNameExists,
    );
    for (key, value) in [
        ("brandColor", Some("#123456")),
        ("welcomeMessage", Some("Hé \"you\"")),
        ("brandColor", None),
    ] {
        let change = ProjectChange {
            widget: set(key, value),
            ..ProjectChange::default()
        };
        pair.write(project::change(PROJECT, &change));
        pair.read(|snapshot| project::read(snapshot, PROJECT).map(|found| format!("{found:?}")));
    }
    let change = ProjectChange {
        name: Some(name("Shop 2")),
        message_quota: Some(Some(5)),
        away_message: Some(Some("Later".to_owned())),
        ..ProjectChange::default()
    };
    pair.write(project::change(PROJECT, &change));
    let taken = ProjectChange {
        name: Some(name("Other")),
        ..ProjectChange::default()
    };
    pair.rejected(
        project::change(PROJECT, &taken),
        Rejection::ProjectNameExists,
    );
    pair.read(|snapshot| project::all(snapshot).map(|found| format!("{found:?}")));
    for step in RemovalStep::ALL {
        pair.write(step.batch(PROJECT, 10));
    }
    pair.write(delete_project(PROJECT));
    assert_eq!(pair.read(project::next_seq).0, 3);
    pair.read(|snapshot| project::has_name(snapshot, &name("Shop 2")));
    assert!(pair.read(project::first).is_some());
}

#[test]
fn keys_and_assistants_change_in_the_same_way() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    for (text, kind) in [
        ("pk_0123", KeyKind::Publishable),
        ("sk_0123", KeyKind::Private),
    ] {
        let key = NewKey {
            id: KeyId::generate(),
            project: PROJECT,
            key: &Key::from_text(text),
            kind,
            name: text,
            origins: &[],
            assistant: None,
            at: Timestamp(1),
        };
        pair.write(key::require_room(PROJECT).then(key.create()));
    }
    let keys = |snapshot: &Snapshot| key::of_project(snapshot, PROJECT);
    let found = pair.read(keys);
    let changed = key::KeyDetails {
        name: "new".to_owned(),
        assistant: Some(
            pair.read(|snapshot| assistant::all(snapshot, PROJECT).map(|all| all[0].id)),
        ),
        ..found[0].clone()
    };
    pair.write(key::update(PROJECT, &changed));
    pair.write(key::set_identity_secret(
        PROJECT,
        found[0].id,
        Some([4; 32]),
    ));
    pair.rejected(
        key::set_identity_secret(PROJECT, found[1].id, Some([4; 32])),
        Rejection::NotFound,
    );
    pair.write(key::revoke_of_project(PROJECT, found[1].id, Timestamp(9)));
    pair.write(key::revoke(found[1].id, Timestamp(10)));
    pair.read(keys);
    let seqs = |snapshot: &Snapshot| key::valid_seqs(snapshot).map(|seqs| seqs.len());
    assert_eq!(pair.read(seqs), 1);
    let change = AssistantChange {
        prompt: Some("Be kind".to_owned()),
        fallback: Some(String::new()),
        ..AssistantChange::default()
    };
    pair.write(assistant::change(
        PROJECT,
        changed.assistant.expect("an assistant"),
        change,
    ));
    let hook = TargetsChange {
        webhook_url: Some(Some("https://hook.example/".to_owned())),
        ..TargetsChange::default()
    };
    pair.write(change_targets(
        PROJECT,
        &hook,
        WebhookSecret([8; 32]),
        Timestamp(5),
    ));
    let records = pair.compare_rows();
    assert_eq!(
        records
            .iter()
            .filter(|record| matches!(record, Record::Secret(_)))
            .count(),
        2
    );
    pair.write(key::revoke_all(PROJECT, Timestamp(11)));
    assert_eq!(pair.read(seqs), 0);
}

#[test]
fn accounts_and_their_sessions_change_in_the_same_way() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    let create = |address: &'static str, role| {
        let account = NewAccount {
            id: AgentId::generate(),
            project: PROJECT,
            name: &AgentName::parse("name", "Ada").expect("a name"),
            email: &EmailAddress::from_static(address),
            avatar_url: None,
            role,
            password_hash: Some("$argon2id$"),
            at: Timestamp(1),
        };
        account.create()
    };
    pair.write(
        agent_account::expect_no_account(PROJECT).then(create("a@shop.example", AgentRole::Owner)),
    );
    // A rejected account can take a row number of PostgreSQL, but not of SQLite.
    pair.write(create("b@shop.example", AgentRole::Agent));
    pair.rejected(
        agent_account::expect_no_account(PROJECT),
        Rejection::HasAccount,
    );
    pair.rejected(
        create("a@shop.example", AgentRole::Agent),
        Rejection::EmailExists,
    );
    let accounts = pair.read(|snapshot| {
        let seqs = ["a@shop.example", "b@shop.example"].map(|email| {
            agent_account::find_by_email(snapshot, email)
                .map(|found| found.expect("an account").account.seq)
        });
        let [a, b] = seqs;
        Ok([a?, b?])
    });
    let [owner, agent]: [AgentSeq; 2] = accounts;
    let demote = AccountChange {
        role: Some(AgentRole::Agent),
        ..AccountChange::default()
    };
    pair.rejected(agent_account::change(owner, &demote), Rejection::LastOwner);
    let rename = AccountChange {
        avatar_url: Some(Some("https://shop.example/a.png".to_owned())),
        is_away: Some(true),
        ..AccountChange::default()
    };
    pair.write(agent_account::change(agent, &rename));
    let times = SessionTimes {
        idle: Duration::from_millis(100),
        max: Duration::from_millis(1000),
    };
    for (number, account, hash) in [
        (1, owner, Some("$argon2id$")),
        (2, owner, Some("$argon2id$")),
    ] {
        let session = NewSession {
            id: AgentSessionId::generate(),
            hash: TokenHash([number; 32]),
            user_agent: None,
            address: Some("::1".to_owned()),
            at: Timestamp(i64::from(number)),
        };
        pair.write(session.start(account, hash));
        pair.rejected(session.start(account, None), Rejection::NotFound);
    }
    let all = |snapshot: &Snapshot| {
        agent_session::all(snapshot, owner, times, Timestamp(100))
            .map(|found| format!("{found:?}").len())
    };
    pair.read(all);
    pair.write(agent_session::remove_expired(times, Timestamp(102)));
    pair.write(agent_session::end_others(owner, None));
    pair.write(sign_in_link::create_setup(
        TokenHash([5; 32]),
        PROJECT,
        Timestamp(1),
        Timestamp(9),
    ));
    pair.write(sign_in_link::create_sign_in(
        TokenHash([6; 32]),
        agent,
        Timestamp(1),
        Timestamp(9),
    ));
    pair.read(|snapshot| sign_in_link::find_sign_in(snapshot, TokenHash([6; 32]), Timestamp(8)));
    pair.write(sign_in_link::consume(TokenHash([5; 32])));
    pair.rejected(
        sign_in_link::consume(TokenHash([5; 32])),
        Rejection::LinkUsed,
    );
    pair.compare_rows();
    pair.write(agent_account::delete(agent));
    pair.rejected(agent_account::delete(owner), Rejection::LastOwner);
    pair.compare_rows();
}

#[test]
fn saved_replies_are_sorted_in_the_same_way() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    for text in ["beta", "Alpha", "alpha", "Ärger", "zeta", "Zeta"] {
        let reply = SavedReply {
            id: SavedReplyId::generate(),
            name: text.to_owned(),
            text: text.to_owned(),
            created_at: Timestamp(1),
            updated_at: Timestamp(1),
        };
        pair.write(saved_reply::create(PROJECT, &reply));
        pair.rejected(
            saved_reply::create(
                PROJECT,
                &SavedReply {
                    id: SavedReplyId::generate(),
                    ..reply
                },
            ),
            Rejection::NameExists,
        );
    }
    let replies = pair.read(|snapshot| saved_reply::list(snapshot, PROJECT));
    let names: Vec<_> = replies.iter().map(|reply| reply.name.as_str()).collect();
    assert_eq!(names, ["Alpha", "alpha", "beta", "Zeta", "zeta", "Ärger"]);
    pair.write(saved_reply::delete(PROJECT, replies[0].id));
    pair.compare_rows();
}

#[test]
fn notifications_are_queued_in_the_same_way() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    pair.add_visitor("device");
    let (seq, _) = pair.start(VisitorSeq(1), 10);
    let emails = |list: &[&str]| TargetsChange {
        emails: Some(list.iter().map(|email| (*email).to_owned()).collect()),
        ..TargetsChange::default()
    };
    let hook = TargetsChange {
        webhook_url: Some(Some("https://hook.example/".to_owned())),
        ..emails(&["a@shop.example", "b@shop.example"])
    };
    let secret = WebhookSecret([7; 32]);
    pair.write(change_targets(PROJECT, &hook, secret, Timestamp(5)));
    pair.read(|snapshot| targets(snapshot, PROJECT).map(|found| format!("{found:?}").len()));
    let wait = WaitingContext {
        conversation: seq,
        is_email_configured: true,
        at: Timestamp(20),
    };
    pair.write(wait.start(WaitingReason::Contact));
    pair.read(|snapshot| notification::can_notify(snapshot, PROJECT, true));
    let due = |without: &Exclusions| {
        let found = pair.read(|snapshot| {
            let found = queue::due(snapshot, Timestamp(30), without, 10)?;
            Ok(found
                .into_iter()
                .map(|due| (due.seq, due.kind, due.recipient))
                .collect::<Vec<_>>())
        });
        found.into_iter().map(|(seq, ..)| seq).collect::<Vec<_>>()
    };
    let all = due(&Exclusions::default());
    assert_eq!(all.len(), 3);
    let some = Exclusions {
        in_flight: vec![all[1]],
        webhook_projects: vec![PROJECT],
        ..Exclusions::default()
    };
    assert_eq!(due(&some), [all[2]]);
    pair.write(queue::begin_attempt(all[0], Timestamp(30), Timestamp(60)));
    pair.write(queue::failed(all[0], "refused", Some(Timestamp(70))));
    pair.write(queue::begin_attempt(all[1], Timestamp(30), Timestamp(60)));
    pair.write(queue::delivered(all[1], Timestamp(31)));
    let sent = |snapshot: &Snapshot| {
        queue::sent_emails(
            snapshot,
            PROJECT,
            NotificationKind::Email,
            "a@shop.example",
            Timestamp(0),
        )
    };
    assert_eq!(pair.read(sent), 1);
    pair.read(|snapshot| queue::pending(snapshot, Timestamp(40)));
    pair.compare_rows();
    pair.write(change_targets(
        PROJECT,
        &emails(&["a@shop.example"]),
        secret,
        Timestamp(50),
    ));
    let moved = TargetsChange {
        webhook_url: Some(Some("https://hook.example/2".to_owned())),
        ..TargetsChange::default()
    };
    pair.write(change_targets(PROJECT, &moved, secret, Timestamp(50)));
    pair.read(|snapshot| recent(snapshot, PROJECT, 10).map(|found| found.len()));
    pair.compare_rows();
    pair.write(queue::switch_off_webhook(
        PROJECT,
        "https://hook.example/2",
        "gone",
    ));
    pair.write(notification::enqueue_reply(
        seq,
        MessageId::generate(),
        Timestamp(60),
        Timestamp(90),
    ));
    pair.write(queue::remove_finished(Timestamp(100)));
    let cancelled = all.into_iter().map(|seq| ReplyEmail {
        seq,
        due: Timestamp(70),
    });
    pair.write(queue::cancel_replies(cancelled));
    pair.read(|snapshot| queue::shown_email(snapshot, seq).map(|email| email.is_some()));
    pair.compare_rows();
}
