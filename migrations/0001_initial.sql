-- Migration 1: the first schema. ../schema.sql explains the current tables.
--
-- A migration that was released never changes: a file that was upgraded with it
-- must equal a new file.

PRAGMA application_id = 0x5041524C;

CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE project (
    seq                  INTEGER PRIMARY KEY,
    id                   BLOB NOT NULL CHECK (length(id) = 16),
    name                 TEXT NOT NULL,
    description          TEXT,
    widget_config        TEXT NOT NULL DEFAULT '{}',
    created_at           INTEGER NOT NULL,
    open_conversations   INTEGER NOT NULL DEFAULT 0,
    closed_conversations INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX project_by_id ON project (id);

CREATE TABLE api_key (
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    kind        TEXT NOT NULL CHECK (kind IN ('publishable', 'private')),
    name        TEXT NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    hint        TEXT NOT NULL,
    origins     TEXT NOT NULL DEFAULT '[]',
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX api_key_by_id ON api_key (id);
CREATE UNIQUE INDEX api_key_by_hash ON api_key (hash);

CREATE TABLE visitor (
    seq                  INTEGER PRIMARY KEY,
    id                   BLOB NOT NULL CHECK (length(id) = 16),
    project_seq          INTEGER NOT NULL REFERENCES project (seq),
    sa_vid               TEXT,
    external_id          TEXT,
    name                 TEXT,
    avatar_url           TEXT,
    created_at           INTEGER NOT NULL,
    open_conversations   INTEGER NOT NULL DEFAULT 0,
    closed_conversations INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX visitor_by_sa_vid ON visitor (project_seq, sa_vid)
    WHERE sa_vid IS NOT NULL;
CREATE UNIQUE INDEX visitor_by_external_id ON visitor (project_seq, external_id)
    WHERE external_id IS NOT NULL;

CREATE TABLE session (
    id           BLOB PRIMARY KEY CHECK (length(id) = 16),
    visitor_seq  INTEGER NOT NULL REFERENCES visitor (seq),
    key_seq      INTEGER NOT NULL REFERENCES api_key (seq),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_last_use ON session (last_used_at);

CREATE TABLE conversation (
    seq                 INTEGER PRIMARY KEY,
    id                  BLOB NOT NULL CHECK (length(id) = 16),
    project_seq         INTEGER NOT NULL REFERENCES project (seq),
    visitor_seq         INTEGER NOT NULL REFERENCES visitor (seq),
    status              TEXT NOT NULL CHECK (status IN ('closed', 'open')),
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    last_interaction_at INTEGER NOT NULL,
    closed_at           INTEGER,
    close_reason        TEXT,
    is_human_handled    INTEGER NOT NULL DEFAULT 0 CHECK (is_human_handled IN (0, 1)),
    has_agent           INTEGER NOT NULL DEFAULT 0 CHECK (has_agent IN (0, 1)),
    agent_name          TEXT,
    agent_image         TEXT,
    title               TEXT,
    title_key           TEXT,
    page_url            TEXT,
    last_message_seq    INTEGER,
    CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((title IS NULL) = (title_key IS NULL))
) STRICT;

CREATE UNIQUE INDEX conversation_by_id ON conversation (project_seq, id);
CREATE INDEX conversation_by_status ON conversation (project_seq, status, id);
CREATE INDEX conversation_by_created ON conversation (project_seq, status, created_at, id);
CREATE INDEX conversation_by_updated ON conversation (project_seq, status, updated_at, id);
CREATE INDEX conversation_by_interaction
    ON conversation (project_seq, status, last_interaction_at, id);
CREATE INDEX conversation_by_closed ON conversation (project_seq, status, closed_at, id);
CREATE INDEX conversation_by_handled
    ON conversation (project_seq, status, is_human_handled, id);
CREATE INDEX conversation_by_title ON conversation (project_seq, status, title_key, id);
CREATE INDEX conversation_by_visitor
    ON conversation (visitor_seq, last_interaction_at, id, status);

CREATE TABLE message (
    seq              INTEGER PRIMARY KEY,
    id               BLOB NOT NULL CHECK (length(id) = 16),
    conversation_seq INTEGER NOT NULL REFERENCES conversation (seq) ON DELETE CASCADE,
    created_at       INTEGER NOT NULL,
    role             TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'human_agent')),
    status           TEXT NOT NULL CHECK (status IN ('streaming', 'complete', 'error')),
    text             TEXT NOT NULL,
    parts            TEXT,
    error            TEXT,
    feedback         TEXT CHECK (feedback IN ('like', 'dislike')),
    feedback_at      INTEGER,
    metadata         TEXT,
    has_agent        INTEGER NOT NULL DEFAULT 0 CHECK (has_agent IN (0, 1)),
    agent_name       TEXT,
    agent_image      TEXT,
    page_url         TEXT,
    page_title       TEXT,
    text_selection   TEXT
) STRICT;
CREATE UNIQUE INDEX message_by_id ON message (id);
CREATE INDEX message_by_conversation ON message (conversation_seq);

CREATE TRIGGER conversation_added AFTER INSERT ON conversation BEGIN
    UPDATE project SET open_conversations = open_conversations + (NEW.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed')
     WHERE seq = NEW.project_seq;
    UPDATE visitor SET open_conversations = open_conversations + (NEW.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed')
     WHERE seq = NEW.visitor_seq;
END;

CREATE TRIGGER conversation_removed AFTER DELETE ON conversation BEGIN
    UPDATE project SET open_conversations = open_conversations - (OLD.status = 'open'),
                       closed_conversations = closed_conversations - (OLD.status = 'closed')
     WHERE seq = OLD.project_seq;
    UPDATE visitor SET open_conversations = open_conversations - (OLD.status = 'open'),
                       closed_conversations = closed_conversations - (OLD.status = 'closed')
     WHERE seq = OLD.visitor_seq;
END;

CREATE TRIGGER conversation_changed_status AFTER UPDATE OF status ON conversation
WHEN OLD.status <> NEW.status BEGIN
    UPDATE project SET open_conversations = open_conversations + (NEW.status = 'open') - (OLD.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed') - (OLD.status = 'closed')
     WHERE seq = NEW.project_seq;
    UPDATE visitor SET open_conversations = open_conversations + (NEW.status = 'open') - (OLD.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed') - (OLD.status = 'closed')
     WHERE seq = NEW.visitor_seq;
END;

CREATE TRIGGER conversation_keeps_owner BEFORE UPDATE OF project_seq, visitor_seq ON conversation
WHEN OLD.project_seq <> NEW.project_seq OR OLD.visitor_seq <> NEW.visitor_seq BEGIN
    SELECT RAISE(ABORT, 'a conversation keeps its project and its visitor');
END;
