-- The demo's conversations and messages once more, laid out as an ordinary server
-- would: times in milliseconds, and one narrow index (a row's id is its last
-- column) that serves both the order of the page and the count. The demo has one
-- project, so there is none to filter by.

CREATE TABLE message (
    id             INTEGER PRIMARY KEY,
    uuid           TEXT NOT NULL,
    chat           INTEGER NOT NULL REFERENCES conversation (id),
    chat_uuid      TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    role           TEXT NOT NULL,
    text           TEXT NOT NULL,
    status         TEXT NOT NULL,
    error          TEXT,
    feedback       TEXT,
    feedback_at    INTEGER,
    metadata       TEXT,
    agent_name     TEXT,
    agent_image    TEXT,
    page_url       TEXT,
    page_title     TEXT,
    text_selection TEXT
) STRICT;

CREATE TABLE conversation (
    id                  INTEGER PRIMARY KEY,
    uuid                TEXT NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    status              TEXT NOT NULL,
    closed_at           INTEGER,
    close_reason        TEXT,
    last_interaction_at INTEGER NOT NULL,
    is_human_handled    INTEGER NOT NULL,
    agent_name          TEXT,
    agent_image         TEXT,
    title               TEXT,
    last_message        INTEGER REFERENCES message (id)
) STRICT;

INSERT INTO conversation
SELECT seq, uuid(id), created_at, updated_at, status, closed_at, close_reason,
       last_interaction_at, is_human_handled, agent_name, agent_image, title, last_message_seq
  FROM demo.conversation ORDER BY seq;

INSERT INTO message
SELECT m.seq, uuid(m.id), c.id, c.uuid, m.created_at, m.role, m.text, m.status,
       m.error, m.feedback, m.feedback_at, m.metadata, m.agent_name, m.agent_image, m.page_url,
       m.page_title, m.text_selection
  FROM demo.message m JOIN conversation c ON c.id = m.conversation_seq ORDER BY m.seq;

CREATE INDEX conversation_by_interaction ON conversation (status, last_interaction_at);

-- For Datasette, whose pages of a table join nothing, and of which only a view's
-- can be asked for by their offset. With a join its count would take 40 times as
-- long: SQLite would look up the message of every row.
CREATE VIEW conversation_page AS
SELECT id, uuid, created_at, updated_at, status, closed_at, close_reason, last_interaction_at,
       is_human_handled, agent_name, agent_image, title,
       (SELECT json_object(
                   'uuid', m.uuid, 'chat_uuid', m.chat_uuid, 'created_at', m.created_at,
                   'role', m.role, 'text', m.text, 'status', m.status, 'error', m.error,
                   'feedback', m.feedback, 'feedback_at', m.feedback_at, 'metadata', m.metadata,
                   'agent_name', m.agent_name, 'agent_image', m.agent_image,
                   'page_url', m.page_url, 'page_title', m.page_title,
                   'text_selection', m.text_selection)
          FROM message m WHERE m.id = c.last_message) AS last_message
  FROM conversation c;

ANALYZE main;
