-- Migration 7: accounts of agents, conversations that wait for an agent, notes, saved
-- replies, notifications, learned sources, and signed identities of visitors.

ALTER TABLE project ADD COLUMN business_hours TEXT;
ALTER TABLE project ADD COLUMN away_message TEXT;
ALTER TABLE project ADD COLUMN webhook_url TEXT;
ALTER TABLE project ADD COLUMN webhook_secret BLOB CHECK (length(webhook_secret) = 32);
ALTER TABLE project ADD COLUMN notification_emails TEXT NOT NULL DEFAULT '[]';
ALTER TABLE project ADD COLUMN waiting_conversations INTEGER NOT NULL DEFAULT 0;

ALTER TABLE api_key ADD COLUMN publishable_key TEXT CHECK (publishable_key IS NULL OR kind = 'publishable');
ALTER TABLE api_key ADD COLUMN identity_secret BLOB CHECK (length(identity_secret) = 32);

ALTER TABLE visitor ADD COLUMN email TEXT;
ALTER TABLE visitor ADD COLUMN phone TEXT;
ALTER TABLE visitor ADD COLUMN is_verified INTEGER NOT NULL DEFAULT 0 CHECK (is_verified IN (0, 1));
ALTER TABLE visitor ADD COLUMN blocked_at INTEGER;
-- Until now, only the website's server could set an external id.
UPDATE visitor SET is_verified = 1 WHERE external_id IS NOT NULL;

ALTER TABLE conversation ADD COLUMN agent_id BLOB CHECK (length(agent_id) = 16);
ALTER TABLE conversation ADD COLUMN waiting_since INTEGER
    CHECK (waiting_since IS NULL OR (status = 'open' AND is_human_handled = 0));
ALTER TABLE conversation ADD COLUMN waiting_reason TEXT
    CHECK (waiting_reason IN ('requested', 'contact', 'unanswered') AND (waiting_reason IS NULL) = (waiting_since IS NULL));
ALTER TABLE conversation ADD COLUMN waited_ms INTEGER;
ALTER TABLE conversation ADD COLUMN read_message_seq INTEGER;
CREATE INDEX conversation_waiting ON conversation (project_seq, waiting_since, id)
    WHERE waiting_since IS NOT NULL;
CREATE INDEX message_with_feedback ON message (feedback_at) WHERE feedback_at IS NOT NULL;

CREATE TABLE agent (
    -- Accounts of the people who answer visitors. AUTOINCREMENT: a seq is never used
    -- again, because running requests refer to accounts by it.
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB NOT NULL CHECK (length(id) = 16),
    project_seq   INTEGER NOT NULL REFERENCES project (seq),
    name          TEXT NOT NULL,
    email         TEXT NOT NULL, -- in lower case; the name for signing in
    avatar_url    TEXT,
    role          TEXT NOT NULL CHECK (role IN ('owner', 'agent')), -- owner: may also change keys, agents and settings, erase and export
    password_hash TEXT, -- argon2id, in PHC string format; null: signs in with a link only
    is_away       INTEGER NOT NULL DEFAULT 0 CHECK (is_away IN (0, 1)), -- 1: the agent does not count as available
    created_at    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX agent_by_id ON agent (id);
CREATE UNIQUE INDEX agent_by_email ON agent (email);
CREATE INDEX agent_by_project ON agent (project_seq);

CREATE TABLE agent_session (
    -- Sessions of agents in browsers. The cookie holds a random token; its hash is here.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL CHECK (length(id) = 16),
    hash         BLOB NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the token
    agent_seq    INTEGER NOT NULL REFERENCES agent (seq),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL, -- rounded: not every request updates it
    user_agent   TEXT, -- the browser, as it names itself
    address      TEXT -- client address of the sign-in
) STRICT;
CREATE UNIQUE INDEX agent_session_by_id ON agent_session (id);
CREATE UNIQUE INDEX agent_session_by_hash ON agent_session (hash);
CREATE INDEX agent_session_by_agent ON agent_session (agent_seq);
-- Finds the sessions to delete.
CREATE INDEX agent_session_by_last_use ON agent_session (last_used_at);

CREATE TABLE sign_in_link (
    -- Links that sign in once: setup creates the first account of a project, sign_in
    -- opens an account. The row is deleted when the link is used.
    hash        BLOB PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the token in the link
    purpose     TEXT NOT NULL CHECK (purpose IN ('setup', 'sign_in')),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    agent_seq   INTEGER REFERENCES agent (seq),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    CHECK ((purpose = 'sign_in') = (agent_seq IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE note (
    -- Notes of agents about a conversation. Visitors never see them.
    seq              INTEGER PRIMARY KEY,
    id               BLOB NOT NULL CHECK (length(id) = 16),
    conversation_seq INTEGER NOT NULL REFERENCES conversation (seq) ON DELETE CASCADE,
    agent_id         BLOB CHECK (length(agent_id) = 16), -- account of the author, which may be deleted; null: a private key
    agent_name       TEXT,
    text             TEXT NOT NULL,
    created_at       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX note_by_id ON note (id);
CREATE INDEX note_by_conversation ON note (conversation_seq);

CREATE TABLE saved_reply (
    -- Texts that agents use again.
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    name        TEXT NOT NULL,
    text        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX saved_reply_by_id ON saved_reply (id);
CREATE UNIQUE INDEX saved_reply_by_name ON saved_reply (project_seq, name);

CREATE TABLE answer_refusal (
    -- Answers of the assistant that found nothing to say.
    message_seq  INTEGER PRIMARY KEY, -- the answer
    question_seq INTEGER NOT NULL, -- the message of the visitor
    project_seq  INTEGER NOT NULL REFERENCES project (seq),
    created_at   INTEGER NOT NULL,
    resolved_at  INTEGER -- null: an agent should write the answer
) STRICT;
-- The list of unanswered questions.
CREATE INDEX answer_refusal_unresolved ON answer_refusal (project_seq, created_at)
    WHERE resolved_at IS NULL;

CREATE TABLE notification (
    -- Webhook requests and e-mails: those to be sent, and for some days those that were sent.
    seq              INTEGER PRIMARY KEY,
    id               BLOB NOT NULL CHECK (length(id) = 16),
    project_seq      INTEGER NOT NULL REFERENCES project (seq),
    conversation_seq INTEGER, -- null: a test
    message_seq      INTEGER, -- reply_email: the first reply that the visitor has not seen
    kind             TEXT NOT NULL CHECK (kind IN ('webhook', 'email', 'reply_email')), -- reply_email: to the visitor
    recipient        TEXT NOT NULL, -- URL or e-mail address
    created_at       INTEGER NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    next_attempt_at  INTEGER, -- null: delivered, failed for good or cancelled
    delivered_at     INTEGER,
    error            TEXT -- why the last attempt failed
) STRICT;
CREATE UNIQUE INDEX notification_by_id ON notification (id);
CREATE INDEX notification_pending ON notification (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX notification_by_project ON notification (project_seq, created_at);
CREATE INDEX notification_by_conversation ON notification (conversation_seq)
    WHERE conversation_seq IS NOT NULL;

CREATE TABLE source (
    -- Websites and folders that were learned, with their last run.
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    location    TEXT NOT NULL, -- URL, or path of the folder; document.source has the same text
    kind        TEXT NOT NULL CHECK (kind IN ('website', 'folder')),
    started_at  INTEGER, -- begin of the last run
    finished_at INTEGER, -- end of the last run; null: it has not ended
    documents   INTEGER NOT NULL DEFAULT 0, -- documents that the last run stored or found unchanged
    error       TEXT -- why the last run failed; null: it has not
) STRICT;
CREATE UNIQUE INDEX source_by_id ON source (id);
CREATE UNIQUE INDEX source_by_location ON source (project_seq, location);

CREATE TRIGGER conversation_waiting_after_insert AFTER INSERT ON conversation
WHEN NEW.waiting_since IS NOT NULL BEGIN
    UPDATE project SET waiting_conversations = waiting_conversations + 1 WHERE seq = NEW.project_seq;
END;

CREATE TRIGGER conversation_waiting_after_update AFTER UPDATE OF waiting_since ON conversation
WHEN (OLD.waiting_since IS NULL) <> (NEW.waiting_since IS NULL) BEGIN
    UPDATE project SET waiting_conversations = waiting_conversations + (NEW.waiting_since IS NOT NULL)
                                                                     - (OLD.waiting_since IS NOT NULL)
     WHERE seq = NEW.project_seq;
END;

CREATE TRIGGER conversation_waiting_after_delete AFTER DELETE ON conversation
WHEN OLD.waiting_since IS NOT NULL BEGIN
    UPDATE project SET waiting_conversations = waiting_conversations - 1 WHERE seq = OLD.project_seq;
END;

DROP TRIGGER visitor_after_update;
CREATE TRIGGER visitor_after_update
AFTER UPDATE OF external_id, name, avatar_url, email, phone, is_verified, blocked_at ON visitor
WHEN OLD.external_id IS NOT NEW.external_id OR OLD.name IS NOT NEW.name
  OR OLD.avatar_url IS NOT NEW.avatar_url OR OLD.email IS NOT NEW.email
  OR OLD.phone IS NOT NEW.phone OR OLD.is_verified IS NOT NEW.is_verified
  OR OLD.blocked_at IS NOT NEW.blocked_at BEGIN
    UPDATE project SET list_version = list_version + 1 WHERE seq = NEW.project_seq;
    UPDATE visitor SET list_version = list_version + 1 WHERE seq = NEW.seq;
END;

DROP TRIGGER conversation_delete_children;
CREATE TRIGGER conversation_delete_children AFTER DELETE ON conversation BEGIN
    DELETE FROM message
     WHERE conversation_seq = OLD.seq
       AND NOT EXISTS (SELECT 1 FROM deleted_conversation WHERE seq = OLD.seq);
    DELETE FROM note WHERE conversation_seq = OLD.seq;
    DELETE FROM notification WHERE conversation_seq = OLD.seq;
    DELETE FROM idempotency_key
     WHERE conversation_id = OLD.id
       AND caller IN ('project ' || OLD.project_seq, 'visitor ' || OLD.visitor_seq);
    UPDATE deleted_seq SET seq = OLD.seq WHERE table_name = 'conversation' AND seq < OLD.seq;
END;

CREATE TRIGGER message_delete_children AFTER DELETE ON message BEGIN
    DELETE FROM answer_refusal WHERE message_seq = OLD.seq;
END;

CREATE TRIGGER agent_delete_children AFTER DELETE ON agent BEGIN
    DELETE FROM agent_session WHERE agent_seq = OLD.seq;
    DELETE FROM sign_in_link WHERE agent_seq = OLD.seq;
END;

DROP TRIGGER project_delete_children;
CREATE TRIGGER project_delete_children AFTER DELETE ON project BEGIN
    DELETE FROM visitor WHERE project_seq = OLD.seq;
    DELETE FROM conversation WHERE project_seq = OLD.seq;
    DELETE FROM document WHERE project_seq = OLD.seq;
    DELETE FROM qna WHERE project_seq = OLD.seq;
    DELETE FROM api_key WHERE project_seq = OLD.seq;
    DELETE FROM assistant WHERE project_seq = OLD.seq;
    DELETE FROM agent WHERE project_seq = OLD.seq;
    DELETE FROM sign_in_link WHERE project_seq = OLD.seq;
    DELETE FROM saved_reply WHERE project_seq = OLD.seq;
    DELETE FROM answer_refusal WHERE project_seq = OLD.seq;
    DELETE FROM notification WHERE project_seq = OLD.seq;
    DELETE FROM source WHERE project_seq = OLD.seq;
    DELETE FROM usage WHERE project_seq = OLD.seq;
    DELETE FROM idempotency_key WHERE caller = 'project ' || OLD.seq;
    UPDATE deleted_seq SET seq = OLD.seq WHERE table_name = 'project' AND seq < OLD.seq;
END;
