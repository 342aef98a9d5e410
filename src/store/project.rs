//! Projects: the conversations, keys and knowledge of one website.

use super::assistant::NewAssistant;
use super::batch::Batch;
use super::erasure::next_seq;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::Sql;
use super::{business_hours, usage, widget_config};
use crate::domain::{
    AssistantId, AssistantMode, BusinessHours, Project, ProjectChange, ProjectId, ProjectName,
    ProjectSeq, ProjectStatistics, ProjectSummary, Timestamp,
};

/// The oldest project.
pub fn first(snapshot: &Snapshot) -> Result<Option<ProjectSeq>, StoreError> {
    snapshot.one(&Sql::new(sql!("SELECT min(seq) FROM project"), []), |row| {
        row.get(0)
    })
}

/// Finds a project by its public id.
pub fn find(snapshot: &Snapshot, id: ProjectId) -> Result<Option<ProjectSeq>, StoreError> {
    let sql = Sql::new(sql!("SELECT seq FROM project WHERE id = ?"), [id.into()]);
    snapshot.optional(&sql, |row| row.get(0))
}

/// Reads a project. Widget settings that are not stored have their defaults.
pub fn read(snapshot: &Snapshot, seq: ProjectSeq) -> Result<Project, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT id, name, description, widget_config, business_hours, away_message \
               FROM project WHERE seq = ?"
        ),
        [seq.into()],
    );
    snapshot.one(&sql, |row| {
        Ok(Project {
            id: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            chat_widget_config: widget_config::parse(row.get(3)?),
            business_hours: row.get::<Option<&str>>(4)?.and_then(business_hours::parse),
            away_message: row.get(5)?,
        })
    })
}

/// The business hours of a project, and the message that is shown outside of them.
pub fn business_hours(
    snapshot: &Snapshot,
    seq: ProjectSeq,
) -> Result<(Option<BusinessHours>, Option<String>), StoreError> {
    let sql = Sql::new(
        sql!("SELECT business_hours, away_message FROM project WHERE seq = ?"),
        [seq.into()],
    );
    let hours = |json: &str| business_hours::parse(json);
    let read =
        |row: super::sql::Row<'_>| Ok((row.get::<Option<&str>>(0)?.and_then(hours), row.get(1)?));
    Ok(snapshot.optional(&sql, read)?.unwrap_or_default())
}

/// All projects, the oldest first.
pub fn all(snapshot: &Snapshot) -> Result<Vec<ProjectSummary>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT seq, id, name, plan, message_quota, open_conversations, closed_conversations \
               FROM project ORDER BY seq"
        ),
        [],
    );
    snapshot.all(&sql, |row| {
        Ok(ProjectSummary {
            seq: row.get(0)?,
            id: row.get(1)?,
            name: row.get(2)?,
            plan: row.get(3)?,
            message_quota: row.get(4)?,
            open_conversations: row.get(5)?,
            closed_conversations: row.get(6)?,
        })
    })
}

/// Counts messages of the project. Reads all of them.
pub fn statistics(snapshot: &Snapshot, seq: ProjectSeq) -> Result<ProjectStatistics, StoreError> {
    let with_agent = Sql::new(
        sql!(
            "SELECT count(*) FROM conversation AS c \
              WHERE c.project_seq = ? \
                AND (c.has_agent = 1 OR EXISTS (SELECT 1 FROM message AS m \
                                             WHERE m.conversation_seq = c.seq \
                                               AND m.role = 'human_agent'))"
        ),
        [seq.into()],
    );
    let feedback = Sql::new(
        sql!(
            "SELECT count(*) FILTER (WHERE m.feedback = 'like'), \
                    count(*) FILTER (WHERE m.feedback = 'dislike') \
               FROM conversation AS c JOIN message AS m ON m.conversation_seq = c.seq \
              WHERE c.project_seq = ? AND m.feedback IS NOT NULL"
        ),
        [seq.into()],
    );
    let (likes, dislikes) = snapshot.one(&feedback, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(ProjectStatistics {
        with_agent: snapshot.one(&with_agent, |row| row.get(0))?,
        likes,
        dislikes,
        messages_by_month: usage::messages_by_month(snapshot, seq)?,
    })
}

/// The project's plan. None: the project has every feature.
pub fn plan(snapshot: &Snapshot, seq: ProjectSeq) -> Result<Option<String>, StoreError> {
    let sql = Sql::new(sql!("SELECT plan FROM project WHERE seq = ?"), [seq.into()]);
    snapshot.one(&sql, |row| row.get(0))
}

/// Updates the project `?1`. `$widget_config` is the JSON of the widget settings after the
/// merge patch `?7`.
macro_rules! update_project {
    ($widget_config:expr) => {
        concat!(
            "UPDATE project SET name = coalesce(?2, name), \
                    description = CASE WHEN ?3 = 1 THEN ?4 ELSE description END, \
                    plan = CASE WHEN ?5 = 1 THEN ?6 ELSE plan END, \
                    message_quota = CASE WHEN ?8 = 1 THEN ?9 ELSE message_quota END, \
                    business_hours = CASE WHEN ?10 = 1 THEN ?11 ELSE business_hours END, \
                    away_message = CASE WHEN ?12 = 1 THEN ?13 ELSE away_message END, \
                    widget_config = ",
            $widget_config,
            " WHERE seq = ?1"
        )
    };
}

/// The settings after a merge patch, as `json_patch` of SQLite writes them: JSONB would change
/// the order of the settings and the spaces. Settings have no members that can be patched on
/// their own.
macro_rules! patched_widget_config {
    () => {
        "(SELECT '{' || coalesce(string_agg(CAST(to_json(key) AS TEXT) || ':' || value, \
                                            ',' ORDER BY place), '') || '}' \
            FROM (SELECT old.key, CAST(coalesce(new.value, old.value) AS TEXT) AS value, \
                         old.place \
                    FROM json_each(CAST(widget_config AS JSON)) \
                             WITH ORDINALITY AS old (key, value, place) \
                         LEFT JOIN json_each(CAST(CAST(?7 AS TEXT) AS JSON)) AS new \
                                ON new.key = old.key \
                  UNION ALL \
                  SELECT new.key, CAST(new.value AS TEXT), 1000 + new.place \
                    FROM json_each(CAST(CAST(?7 AS TEXT) AS JSON)) \
                             WITH ORDINALITY AS new (key, value, place) \
                   WHERE NOT EXISTS (SELECT 1 \
                                       FROM json_each(CAST(widget_config AS JSON)) AS old \
                                      WHERE old.key = new.key)) AS merged \
           WHERE value <> 'null')"
    };
}

/// Changes a project.
///
/// Rejected with [`Rejection::NotFound`], and with [`Rejection::ProjectNameExists`] if the
/// name is new and of another project.
pub fn change(seq: ProjectSeq, change: &ProjectChange) -> Batch {
    let ProjectChange {
        name,
        description,
        plan,
        message_quota,
        widget,
        business_hours,
        away_message,
    } = change;
    let quota = message_quota.flatten().map(i64::from);
    let hours = business_hours.as_ref().and_then(Option::as_ref);
    let sql = Sql::new(
        sql!(
            sqlite: update_project!(
                "json_patch(CASE WHEN json_valid(widget_config) THEN widget_config ELSE '{}' END, ?7)"
            ),
            postgres: update_project!(patched_widget_config!()),
        ),
        [
            seq.into(),
            name.as_ref().into(),
            description.is_some().into(),
            description.as_ref().and_then(Option::as_ref).into(),
            plan.is_some().into(),
            plan.as_ref().and_then(Option::as_ref).into(),
            widget_config::merge_patch(widget).into(),
            message_quota.is_some().into(),
            quota.into(),
            business_hours.is_some().into(),
            hours.map(business_hours::to_json).into(),
            away_message.is_some().into(),
            away_message.clone().flatten().into(),
        ],
    );
    let batch = match name {
        Some(name) => Batch::new().guard(renaming_guard(seq, name), Rejection::NotFound),
        None => Batch::new(),
    };
    batch.run_expecting_change(sql, Rejection::NotFound)
}

/// Projects that share a name since an earlier version can be changed without a new name.
fn renaming_guard(seq: ProjectSeq, name: &ProjectName) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN name <> ?2 AND EXISTS (SELECT 1 FROM project WHERE name = ?2) \
                         THEN 'project_name_exists' END \
               FROM project WHERE seq = ?1"
        ),
        [seq.into(), name.into()],
    )
}

/// Whether a project has the name.
pub fn has_name(snapshot: &Snapshot, name: &ProjectName) -> Result<bool, StoreError> {
    let sql = Sql::new(
        sql!("SELECT CASE WHEN EXISTS (SELECT 1 FROM project WHERE name = ?) THEN 1 ELSE 0 END"),
        [name.into()],
    );
    snapshot.one(&sql, |row| row.get(0))
}

/// Rejected with [`Rejection::ProjectNameExists`] if a project has the name.
pub fn expect_new_name(name: &ProjectName) -> Batch {
    let sql = Sql::new(
        sql!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM project WHERE name = ?) \
                         THEN 'project_name_exists' END"
        ),
        [name.into()],
    );
    Batch::new().guard(sql, Rejection::ProjectNameExists)
}

/// The row number of the next project. The row number of a removed project is not
/// used again.
pub fn next_seq(snapshot: &Snapshot) -> Result<ProjectSeq, StoreError> {
    let sql = Sql::new(sql!(concat!("SELECT ", next_seq!("project"))), []);
    snapshot.one(&sql, |row| row.get(0))
}

/// Stores a project and its default assistant.
pub fn create(
    seq: ProjectSeq,
    id: ProjectId,
    assistant: AssistantId,
    name: &str,
    at: Timestamp,
) -> Batch {
    let assistant = NewAssistant {
        id: assistant,
        project: seq,
        name: "Assistant",
        mode: AssistantMode::Auto,
        prompt: None,
        fallback: None,
        at,
    };
    Batch::of([Sql::new(
        sql!("INSERT INTO project (seq, id, name, created_at) VALUES (?, ?, ?, ?)"),
        [seq.into(), id.into(), name.into(), at.into()],
    )])
    .then(assistant.create())
}
