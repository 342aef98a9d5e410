-- The current schema. Parlor creates a new file from this text; the texts in
-- migrations/ upgrade an older file to the same tables, columns, indexes and
-- triggers. PRAGMA user_version holds the number of the newest migration.
--
-- Conventions
--   seq     The row number. Other tables refer to a row by it. It is never sent
--           to a client.
--   id      A UUID, stored as 16 bytes. The bytes sort like the UUID's text.
--           SELECT hex(id) shows it.
--   *_at    A time in milliseconds since 1970-01-01T00:00:00Z.
--           SELECT datetime(created_at / 1000, 'unixepoch') shows it.
--   is_*    0 (false) or 1 (true).
--
-- Every index slows every write down; docs/adr/0004-index-per-order.md says what
-- each index is for. Comments inside a statement are stored in the file: .schema shows them.

-- "PARL": the file command and parlor recognise the file by this number.
PRAGMA application_id = 0x5041524C;

CREATE TABLE secret (
    -- Random keys of this server. 'session' signs session tokens and ETags.
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE project (
    -- One website or app. Every other row belongs to one project.
    seq                  INTEGER PRIMARY KEY,
    id                   BLOB NOT NULL CHECK (length(id) = 16),
    name                 TEXT NOT NULL,
    description          TEXT,
    widget_config        TEXT NOT NULL DEFAULT '{}', -- JSON: the widget settings that differ from the defaults
    created_at           INTEGER NOT NULL,
    open_conversations   INTEGER NOT NULL DEFAULT 0, -- count of rows in conversation; triggers update it
    closed_conversations INTEGER NOT NULL DEFAULT 0, -- the same
    plan                 TEXT, -- name of the plan the project pays for; null: no plan, no limits
    list_version         INTEGER NOT NULL DEFAULT 0, -- triggers increment it at every change of a row in the lists of conversations
    open_human_handled   INTEGER NOT NULL DEFAULT 0, -- those of open_conversations that an agent handles
    closed_human_handled INTEGER NOT NULL DEFAULT 0, -- the same for closed_conversations
    message_quota        INTEGER CHECK (message_quota BETWEEN 0 AND 1000000000), -- messages that visitors may send in a month, 0: unlimited; null: the setting of the server
    business_hours       TEXT, -- JSON: the weekly hours in which agents answer, with their time zone; null: always
    away_message         TEXT, -- shown to visitors while no agent is available
    webhook_url          TEXT, -- receives notifications
    webhook_secret       BLOB CHECK (length(webhook_secret) = 32), -- signs notifications
    notification_emails  TEXT NOT NULL DEFAULT '[]', -- JSON array: addresses that receive notifications
    waiting_conversations INTEGER NOT NULL DEFAULT 0 -- count of the conversations that wait for an agent; triggers update it
) STRICT;
CREATE UNIQUE INDEX project_by_id ON project (id);

CREATE TABLE api_key (
    -- API keys. The text of a private key is not stored, only its hash.
    seq           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL CHECK (length(id) = 16),
    project_seq   INTEGER NOT NULL REFERENCES project (seq),
    kind          TEXT NOT NULL CHECK (kind IN ('publishable', 'private')), -- publishable: used in web pages; private: used by servers
    name          TEXT NOT NULL,
    hash          BLOB NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the key
    hint          TEXT NOT NULL, -- the last four characters of the key, shown in lists of keys
    origins       TEXT NOT NULL DEFAULT '[]', -- JSON array: websites that may use the key; empty: every website
    created_at    INTEGER NOT NULL,
    revoked_at    INTEGER, -- null: the key is valid
    assistant_seq INTEGER REFERENCES assistant (seq), -- answers the visitors who use the key; null: the project's first assistant
    publishable_key TEXT CHECK (publishable_key IS NULL OR kind = 'publishable'), -- the key, which every web page shows; null: a private key, or one from before version 7
    identity_secret BLOB CHECK (length(identity_secret) = 32) -- verifies tokens with which the website's server identifies visitors; null: there are none
) STRICT;
CREATE UNIQUE INDEX api_key_by_id ON api_key (id);
CREATE UNIQUE INDEX api_key_by_hash ON api_key (hash);

CREATE TABLE visitor (
    -- A person or device that uses a project's website.
    seq                  INTEGER PRIMARY KEY,
    id                   BLOB NOT NULL CHECK (length(id) = 16),
    project_seq          INTEGER NOT NULL REFERENCES project (seq),
    sa_vid               TEXT, -- the device's name for the visitor ("saVid" of POST /v2/identity/init)
    external_id          TEXT, -- the website's own name for the visitor
    name                 TEXT,
    avatar_url           TEXT,
    created_at           INTEGER NOT NULL,
    open_conversations   INTEGER NOT NULL DEFAULT 0, -- count of rows in conversation; triggers update it
    closed_conversations INTEGER NOT NULL DEFAULT 0, -- the same
    list_version         INTEGER NOT NULL DEFAULT 0, -- as in project, for the visitor's own list
    open_human_handled   INTEGER NOT NULL DEFAULT 0, -- those of open_conversations that an agent handles
    closed_human_handled INTEGER NOT NULL DEFAULT 0, -- the same for closed_conversations
    email                TEXT, -- contact details that the visitor left
    phone                TEXT,
    is_verified          INTEGER NOT NULL DEFAULT 0 CHECK (is_verified IN (0, 1)), -- 1: external_id and name are from the website's server
    blocked_at           INTEGER, -- null: the visitor may write
    is_email_verified    INTEGER NOT NULL DEFAULT 0 CHECK (is_email_verified IN (0, 1)) -- 1: email is from the website's server
) STRICT;
CREATE UNIQUE INDEX visitor_by_id ON visitor (project_seq, id);
CREATE UNIQUE INDEX visitor_by_sa_vid ON visitor (project_seq, sa_vid)
    WHERE sa_vid IS NOT NULL;
CREATE UNIQUE INDEX visitor_by_external_id ON visitor (project_seq, external_id)
    WHERE external_id IS NOT NULL;

CREATE TABLE session (
    -- A visitor's session. Its token carries the id.
    id           BLOB PRIMARY KEY CHECK (length(id) = 16),
    visitor_seq  INTEGER NOT NULL REFERENCES visitor (seq),
    key_seq      INTEGER NOT NULL REFERENCES api_key (seq), -- the key that started the session
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL -- rounded: not every request updates it
) STRICT, WITHOUT ROWID;
-- Finds the sessions to delete.
CREATE INDEX session_by_last_use ON session (last_used_at);
-- Finds the sessions of a deleted visitor.
CREATE INDEX session_by_visitor ON session (visitor_seq);

CREATE TABLE conversation (
    seq                 INTEGER PRIMARY KEY,
    id                  BLOB NOT NULL CHECK (length(id) = 16),
    project_seq         INTEGER NOT NULL REFERENCES project (seq),
    visitor_seq         INTEGER NOT NULL REFERENCES visitor (seq),
    status              TEXT NOT NULL CHECK (status IN ('closed', 'open')),
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL, -- last change of any kind
    last_interaction_at INTEGER NOT NULL, -- last message
    closed_at           INTEGER,
    close_reason        TEXT,
    is_human_handled    INTEGER NOT NULL DEFAULT 0 CHECK (is_human_handled IN (0, 1)), -- 1: an agent has taken over; the assistant does not answer
    has_agent           INTEGER NOT NULL DEFAULT 0 CHECK (has_agent IN (0, 1)), -- 1: agent_name and agent_image describe the agent (either may be null)
    agent_name          TEXT,
    agent_image         TEXT, -- URL
    title               TEXT,
    title_key           TEXT, -- the title with Unicode case folding: the sort key
    page_url            TEXT, -- the page on which the conversation was started
    last_message_seq    INTEGER, -- the newest message; every write of a message sets it
    agent_id            BLOB CHECK (length(agent_id) = 16), -- account of the agent who has taken over; null: none, or a private key
    waiting_since       INTEGER -- since when the conversation waits for an agent; null: it does not
                        CHECK (waiting_since IS NULL OR (status = 'open' AND is_human_handled = 0)),
    waiting_reason      TEXT -- requested: the visitor asked for a person; contact: left contact details; unanswered: two answers did not help
                        CHECK (waiting_reason IN ('requested', 'contact', 'unanswered') AND (waiting_reason IS NULL) = (waiting_since IS NULL)),
    waited_ms           INTEGER, -- how long the visitor waited until an agent took over, last time; null: never
    read_message_seq    INTEGER, -- the newest message that an agent has read; null: none
    CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((title IS NULL) = (title_key IS NULL))
) STRICT;

-- A project's list: one index for each sort order. Status is the first sort
-- column, so that one index serves a list of one status and, by merging two
-- ranges, the list of both. is_human_handled is the last column, so that the list
-- of the conversations that no agent handles skips entries without reading rows.
CREATE UNIQUE INDEX conversation_by_id ON conversation (project_seq, id);
CREATE INDEX conversation_by_status ON conversation (project_seq, status, id);
CREATE INDEX conversation_by_created
    ON conversation (project_seq, status, created_at, id, is_human_handled);
CREATE INDEX conversation_by_updated
    ON conversation (project_seq, status, updated_at, id, is_human_handled);
CREATE INDEX conversation_by_interaction
    ON conversation (project_seq, status, last_interaction_at, id, is_human_handled);
-- Open conversations have no closed_at; conversation_by_status serves them.
CREATE INDEX conversation_by_closed ON conversation (project_seq, closed_at, id, is_human_handled)
    WHERE status = 'closed';
CREATE INDEX conversation_by_handled
    ON conversation (project_seq, status, is_human_handled, id);
CREATE INDEX conversation_by_title
    ON conversation (project_seq, status, title_key, id, is_human_handled);
-- The conversations that wait for an agent, the longest first.
CREATE INDEX conversation_waiting ON conversation (project_seq, waiting_since, id)
    WHERE waiting_since IS NOT NULL;
-- A visitor's list; its other sort orders are sorted in memory.
CREATE INDEX conversation_by_visitor
    ON conversation (visitor_seq, last_interaction_at, id, status, is_human_handled);

-- The list of the conversations that an agent handles: one index for each sort
-- order that conversation_by_handled does not serve. Other conversations have no
-- entry, so that their writes cost nothing here.
CREATE INDEX conversation_handled_by_created
    ON conversation (project_seq, status, created_at, id) WHERE is_human_handled = 1;
CREATE INDEX conversation_handled_by_updated
    ON conversation (project_seq, status, updated_at, id) WHERE is_human_handled = 1;
CREATE INDEX conversation_handled_by_interaction
    ON conversation (project_seq, status, last_interaction_at, id) WHERE is_human_handled = 1;
CREATE INDEX conversation_handled_by_closed ON conversation (project_seq, closed_at, id)
    WHERE status = 'closed' AND is_human_handled = 1;
CREATE INDEX conversation_handled_by_title
    ON conversation (project_seq, status, title_key, id) WHERE is_human_handled = 1;

CREATE TABLE message (
    -- Messages of a conversation, in the order of seq.
    seq              INTEGER PRIMARY KEY,
    id               BLOB NOT NULL CHECK (length(id) = 16),
    conversation_seq INTEGER NOT NULL REFERENCES conversation (seq) ON DELETE CASCADE,
    created_at       INTEGER NOT NULL,
    role             TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'human_agent')), -- user: the visitor
    status           TEXT NOT NULL CHECK (status IN ('streaming', 'complete', 'error')), -- streaming: the answer is being written
    text             TEXT NOT NULL, -- plain text of the message; '' while it is streaming
    parts            TEXT, -- JSON array: the parts of the message; null: one part with the text
    error            TEXT, -- why the answer failed, as shown to the visitor
    feedback         TEXT CHECK (feedback IN ('like', 'dislike')),
    feedback_at      INTEGER,
    metadata         TEXT, -- JSON, for example the tokens that a model counted
    has_agent        INTEGER NOT NULL DEFAULT 0 CHECK (has_agent IN (0, 1)), -- 1: agent_name and agent_image describe the agent who wrote it
    agent_name       TEXT,
    agent_image      TEXT, -- URL
    page_url         TEXT, -- the page on which the visitor wrote
    page_title       TEXT,
    text_selection   TEXT, -- the text that the visitor had selected on the page
    owner            BLOB -- id of the process that is writing the answer; null unless streaming
) STRICT;
CREATE UNIQUE INDEX message_by_id ON message (id);
-- An index ends in seq, so this one gives a conversation's messages in order.
CREATE INDEX message_by_conversation ON message (conversation_seq);
-- Answers being written. An answer being written is the newest message of its
-- conversation.
CREATE INDEX message_streaming ON message (conversation_seq) WHERE status = 'streaming';
-- Counts the feedback of a period.
CREATE INDEX message_with_feedback ON message (feedback_at) WHERE feedback_at IS NOT NULL;

CREATE TABLE process (
    -- Server processes that write answers. A process renews its lease while it
    -- writes one. An answer that is being written has failed if its owner has no
    -- row here, has an expired lease, or no longer runs.
    id               BLOB PRIMARY KEY CHECK (length(id) = 16), -- random, new at every start
    pid              INTEGER NOT NULL, -- process id of the operating system
    pid_namespace    INTEGER, -- hash of the machine's boot and the PID namespace in which pid is valid; null: unknown
    lease_expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE assistant (
    -- Answers a project's visitors. A project's first assistant is its default.
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    name        TEXT NOT NULL,
    mode        TEXT NOT NULL DEFAULT 'auto' CHECK (mode IN ('auto', 'builtin', 'model')), -- auto: the model if the server has one, else builtin
    prompt      TEXT, -- instructions for the model; null: the default
    fallback    TEXT, -- the answer if nothing is found; null: the default
    created_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX assistant_by_id ON assistant (id);
CREATE INDEX assistant_by_project ON assistant (project_seq);

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
    error       TEXT, -- why the last run failed; null: it has not
    problems    TEXT NOT NULL DEFAULT '[]', -- JSON array of {item, reason}: what the last run skipped or warned about; at most 100
    skipped     INTEGER NOT NULL DEFAULT 0, -- pages and files that the last run skipped
    removed     INTEGER NOT NULL DEFAULT 0, -- documents that the last run deleted
    interval_s  INTEGER CHECK (interval_s > 0) -- seconds from one run to the next; null: learned on request
) STRICT;
CREATE UNIQUE INDEX source_by_id ON source (id);
CREATE UNIQUE INDEX source_by_location ON source (project_seq, location);

CREATE TABLE usage (
    -- How many messages a project's visitors sent in a calendar month (UTC).
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    month       INTEGER NOT NULL, -- months since January 1970
    messages    INTEGER NOT NULL,
    PRIMARY KEY (project_seq, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_key (
    -- Responses to requests that had an Idempotency-Key, stored for 24 hours.
    caller       TEXT NOT NULL, -- the visitor or API key that sent the request
    key          TEXT NOT NULL, -- the Idempotency-Key
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32), -- SHA-256 of method, path and body of the request
    created_at   INTEGER NOT NULL,
    status       INTEGER NOT NULL, -- HTTP status of the response
    body         BLOB, -- body of the response; null: it is built from the message
    message_id   BLOB, -- the message from which the body is built
    conversation_id BLOB, -- the conversation that the response is about
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
-- Finds the rows to delete.
CREATE INDEX idempotency_key_by_created_at ON idempotency_key (created_at);
-- Finds the response that is made from an answer.
CREATE INDEX idempotency_key_by_message ON idempotency_key (message_id)
    WHERE message_id IS NOT NULL;
-- Finds the responses about a deleted conversation.
CREATE INDEX idempotency_key_by_conversation ON idempotency_key (conversation_id)
    WHERE conversation_id IS NOT NULL;

CREATE TABLE deleted_conversation (
    -- Conversations that were deleted and whose messages are being deleted, some
    -- hundred in each transaction. Their messages cannot be read any more. Two kinds of
    -- rows are no conversations: 0, the search index has words of deleted texts; a
    -- negative number, a process is removing them.
    seq INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE deleted_visitor (
    -- Visitors that are being erased, until the search index is merged. Their names and
    -- sessions are deleted, and their conversations are being deleted, some hundred in
    -- each transaction.
    seq INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE deleted_seq (
    -- The highest seq of a deleted row. A new row gets a higher one, because running
    -- requests refer to rows by seq.
    table_name TEXT PRIMARY KEY CHECK (table_name IN ('conversation', 'project', 'visitor')),
    seq        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO deleted_seq VALUES ('conversation', 0), ('project', 0), ('visitor', 0);

CREATE TABLE qna (
    -- Questions with their answers, written by the project's owner.
    seq           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL CHECK (length(id) = 16),
    project_seq   INTEGER NOT NULL REFERENCES project (seq),
    question      TEXT NOT NULL,
    answer        TEXT NOT NULL, -- Markdown
    is_published  INTEGER NOT NULL DEFAULT 1 CHECK (is_published IN (0, 1)), -- 0: not used for answers
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    creator_name  TEXT,
    creator_image TEXT -- URL
) STRICT;
CREATE UNIQUE INDEX qna_by_id ON qna (id);
-- A project's published entries, by creation.
CREATE INDEX qna_by_project ON qna (project_seq, is_published, created_at, id);

CREATE TABLE document (
    -- Pages and files that parlor has learned. Their text is in passage.
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    url         TEXT NOT NULL, -- address of the page; file:RELATIVE/PATH for a file without an address
    title       TEXT NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the page or file; equal: no need to learn it again
    source      TEXT NOT NULL DEFAULT '', -- the folder or website that was learned; '': sent over the API
    learned_at  INTEGER NOT NULL,
    description TEXT NOT NULL DEFAULT '' -- summary of the page, for search; '': it has none
) STRICT;
CREATE UNIQUE INDEX document_by_id ON document (id);
CREATE UNIQUE INDEX document_by_url ON document (project_seq, url);

CREATE TABLE passage (
    -- The texts that retrieval searches: sections of documents, and published
    -- entries of qna. AUTOINCREMENT: a seq is never used again, because an
    -- index in memory refers to a passage by its seq.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    project_seq  INTEGER NOT NULL REFERENCES project (seq),
    document_seq INTEGER REFERENCES document (seq) ON DELETE CASCADE,
    qna_seq      INTEGER REFERENCES qna (seq) ON DELETE CASCADE,
    title        TEXT NOT NULL, -- title of the document, or the question
    heading      TEXT NOT NULL, -- heading of the section; '' if it has none
    body         TEXT NOT NULL, -- Markdown
    CHECK ((document_seq IS NULL) <> (qna_seq IS NULL))
) STRICT;
CREATE INDEX passage_by_project ON passage (project_seq);
CREATE INDEX passage_by_document ON passage (document_seq) WHERE document_seq IS NOT NULL;
CREATE UNIQUE INDEX passage_by_qna ON passage (qna_seq) WHERE qna_seq IS NOT NULL;

-- Full-text index of passage, used by the search for qna entries. SQLite keeps
-- it in the tables passage_text_data, _idx, _docsize and _config.
CREATE VIRTUAL TABLE passage_text USING fts5 (
    title, heading, body,
    content = 'passage', content_rowid = 'seq',
    tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE passage_version (
    -- One row. Its version is incremented at every change of passage; the
    -- retrieval index in memory is rebuilt when it differs.
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO passage_version VALUES (1, 0);

CREATE TABLE embedding (
    -- Vectors that an embedding model calculated from passages. They can be calculated again.
    model        TEXT NOT NULL, -- the model and how it is used; vectors of different models are not comparable
    passage_hash BLOB NOT NULL CHECK (length(passage_hash) = 32), -- SHA-256 of the title, heading and body of the passage
    part         INTEGER NOT NULL, -- number of the part, from 0; a passage longer than the limit of the model has several
    vector       BLOB NOT NULL, -- f32 scale (little-endian), then int8 components
    PRIMARY KEY (model, passage_hash, part)
) STRICT, WITHOUT ROWID;

-- The search index of messages and titles. A server that has it switched on adds
-- new texts in the background, so that no request waits for it.
CREATE TABLE search_progress (
    -- One row: what search_text contains. Both numbers are 0 while the index is off.
    id               INTEGER PRIMARY KEY CHECK (id = 1),
    message_seq      INTEGER NOT NULL, -- the messages up to this seq, except those in search_backlog
    conversation_seq INTEGER NOT NULL -- the titles up to this seq, except those in search_backlog
) STRICT;
INSERT INTO search_progress VALUES (1, 0, 0);

CREATE TABLE search_backlog (
    -- Texts up to search_progress that are not in search_text yet: answers that are
    -- being written, and texts that were changed.
    seq INTEGER PRIMARY KEY -- of a message; negative: of a conversation, for its title;
                            -- 0: the index has never been complete
) STRICT;

-- The texts, with the numbers of search_backlog.
CREATE VIEW searched_text (seq, text) AS
SELECT seq, text FROM message
UNION ALL
SELECT -seq, title FROM conversation WHERE title IS NOT NULL;

-- Full-text index of searched_text. SQLite keeps it in the tables search_text_data,
-- _idx and _config. It contains no copy of the texts.
CREATE VIRTUAL TABLE search_text USING fts5 (
    text,
    content = 'searched_text', content_rowid = 'seq', columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2'
);

-- Triggers for conversation and message keep two things in project and visitor:
-- the counts of conversations, so that the total of a list is one row to read,
-- and list_version. A list that was read at a list_version is current as long as
-- the list_version is the same. Each changed row adds exactly 1: the offset index
-- in memory counts the changes that it has seen. A new message adds nothing by
-- itself, because the same transaction makes it the last message of its
-- conversation.
CREATE TRIGGER conversation_after_insert AFTER INSERT ON conversation BEGIN
    UPDATE project SET open_conversations = open_conversations + (NEW.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed'),
                       open_human_handled = open_human_handled + (NEW.status = 'open' AND NEW.is_human_handled),
                       closed_human_handled = closed_human_handled + (NEW.status = 'closed' AND NEW.is_human_handled),
                       list_version = list_version + 1
     WHERE seq = NEW.project_seq;
    UPDATE visitor SET open_conversations = open_conversations + (NEW.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed'),
                       open_human_handled = open_human_handled + (NEW.status = 'open' AND NEW.is_human_handled),
                       closed_human_handled = closed_human_handled + (NEW.status = 'closed' AND NEW.is_human_handled),
                       list_version = list_version + 1
     WHERE seq = NEW.visitor_seq;
END;

CREATE TRIGGER conversation_after_update AFTER UPDATE ON conversation BEGIN
    UPDATE project SET list_version = list_version + 1 WHERE seq = NEW.project_seq;
    UPDATE visitor SET list_version = list_version + 1 WHERE seq = NEW.visitor_seq;
END;

-- A trigger of its own, because most updates are those of a new message.
CREATE TRIGGER conversation_counts_after_update
AFTER UPDATE OF status, is_human_handled ON conversation
WHEN OLD.status <> NEW.status OR OLD.is_human_handled <> NEW.is_human_handled BEGIN
    UPDATE project SET open_conversations = open_conversations + (NEW.status = 'open') - (OLD.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed') - (OLD.status = 'closed'),
                       open_human_handled = open_human_handled + (NEW.status = 'open' AND NEW.is_human_handled) - (OLD.status = 'open' AND OLD.is_human_handled),
                       closed_human_handled = closed_human_handled + (NEW.status = 'closed' AND NEW.is_human_handled) - (OLD.status = 'closed' AND OLD.is_human_handled)
     WHERE seq = NEW.project_seq;
    UPDATE visitor SET open_conversations = open_conversations + (NEW.status = 'open') - (OLD.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed') - (OLD.status = 'closed'),
                       open_human_handled = open_human_handled + (NEW.status = 'open' AND NEW.is_human_handled) - (OLD.status = 'open' AND OLD.is_human_handled),
                       closed_human_handled = closed_human_handled + (NEW.status = 'closed' AND NEW.is_human_handled) - (OLD.status = 'closed' AND OLD.is_human_handled)
     WHERE seq = NEW.visitor_seq;
END;

CREATE TRIGGER conversation_after_delete AFTER DELETE ON conversation BEGIN
    UPDATE project SET open_conversations = open_conversations - (OLD.status = 'open'),
                       closed_conversations = closed_conversations - (OLD.status = 'closed'),
                       open_human_handled = open_human_handled - (OLD.status = 'open' AND OLD.is_human_handled),
                       closed_human_handled = closed_human_handled - (OLD.status = 'closed' AND OLD.is_human_handled),
                       list_version = list_version + 1
     WHERE seq = OLD.project_seq;
    UPDATE visitor SET open_conversations = open_conversations - (OLD.status = 'open'),
                       closed_conversations = closed_conversations - (OLD.status = 'closed'),
                       open_human_handled = open_human_handled - (OLD.status = 'open' AND OLD.is_human_handled),
                       closed_human_handled = closed_human_handled - (OLD.status = 'closed' AND OLD.is_human_handled),
                       list_version = list_version + 1
     WHERE seq = OLD.visitor_seq;
END;

-- project.waiting_conversations. conversation_after_update counts the change of the list.
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

-- The counts belong to the owner, so the owner must not change.
CREATE TRIGGER conversation_owner_is_fixed BEFORE UPDATE OF project_seq, visitor_seq ON conversation
WHEN OLD.project_seq <> NEW.project_seq OR OLD.visitor_seq <> NEW.visitor_seq BEGIN
    SELECT RAISE(ABORT, 'a conversation keeps its project and its visitor');
END;

-- The growing text of an answer that is being streamed does not change lists.
CREATE TRIGGER message_after_update AFTER UPDATE ON message
WHEN OLD.status <> 'streaming' OR NEW.status <> 'streaming' OR OLD.feedback IS NOT NEW.feedback BEGIN
    UPDATE project SET list_version = list_version + 1
     WHERE seq = (SELECT project_seq FROM conversation WHERE seq = NEW.conversation_seq);
    UPDATE visitor SET list_version = list_version + 1
     WHERE seq = (SELECT visitor_seq FROM conversation WHERE seq = NEW.conversation_seq);
END;

-- Does nothing for messages that are deleted with their conversation: its row is
-- gone by then.
CREATE TRIGGER message_after_delete AFTER DELETE ON message BEGIN
    UPDATE project SET list_version = list_version + 1
     WHERE seq = (SELECT project_seq FROM conversation WHERE seq = OLD.conversation_seq);
    UPDATE visitor SET list_version = list_version + 1
     WHERE seq = (SELECT visitor_seq FROM conversation WHERE seq = OLD.conversation_seq);
END;

-- Lists may contain these columns of the visitors (docs/api-contract.md, D25).
CREATE TRIGGER visitor_after_update
AFTER UPDATE OF external_id, name, avatar_url, email, phone, is_verified, blocked_at,
                is_email_verified ON visitor
WHEN OLD.external_id IS NOT NEW.external_id OR OLD.name IS NOT NEW.name
  OR OLD.avatar_url IS NOT NEW.avatar_url OR OLD.email IS NOT NEW.email
  OR OLD.phone IS NOT NEW.phone OR OLD.is_verified IS NOT NEW.is_verified
  OR OLD.blocked_at IS NOT NEW.blocked_at OR OLD.is_email_verified IS NOT NEW.is_email_verified BEGIN
    UPDATE project SET list_version = list_version + 1 WHERE seq = NEW.project_seq;
    UPDATE visitor SET list_version = list_version + 1 WHERE seq = NEW.seq;
END;

-- Triggers for message and conversation keep search_text, search_backlog and
-- search_progress in agreement with the texts. The texts after search_progress are
-- indexed later as they are then. A new row can get the seq of the deleted last
-- row, so search_progress never exceeds the last row.
CREATE TRIGGER search_after_message_update AFTER UPDATE OF text, status ON message
WHEN OLD.seq <= (SELECT message_seq FROM search_progress WHERE id = 1)
 AND (OLD.text <> NEW.text OR (OLD.status = 'streaming') <> (NEW.status = 'streaming'))
 AND NOT EXISTS (SELECT 1 FROM search_backlog WHERE seq = OLD.seq) BEGIN
    INSERT INTO search_text (search_text, rowid, text) VALUES ('delete', OLD.seq, OLD.text);
    INSERT INTO search_backlog VALUES (OLD.seq);
END;

CREATE TRIGGER search_after_message_delete AFTER DELETE ON message BEGIN
    INSERT INTO search_text (search_text, rowid, text)
    SELECT 'delete', OLD.seq, OLD.text
     WHERE OLD.seq <= (SELECT message_seq FROM search_progress WHERE id = 1)
       AND NOT EXISTS (SELECT 1 FROM search_backlog WHERE seq = OLD.seq);
    DELETE FROM search_backlog WHERE seq = OLD.seq;
    UPDATE search_progress SET message_seq = (SELECT ifnull(max(seq), 0) FROM message)
     WHERE id = 1 AND message_seq > (SELECT ifnull(max(seq), 0) FROM message);
END;

CREATE TRIGGER search_after_title_update AFTER UPDATE OF title ON conversation
WHEN OLD.seq <= (SELECT conversation_seq FROM search_progress WHERE id = 1)
 AND OLD.title IS NOT NEW.title
 AND NOT EXISTS (SELECT 1 FROM search_backlog WHERE seq = -OLD.seq) BEGIN
    INSERT INTO search_text (search_text, rowid, text)
    SELECT 'delete', -OLD.seq, OLD.title WHERE OLD.title IS NOT NULL;
    INSERT INTO search_backlog VALUES (-OLD.seq);
END;

CREATE TRIGGER search_after_conversation_delete AFTER DELETE ON conversation BEGIN
    INSERT INTO search_text (search_text, rowid, text)
    SELECT 'delete', -OLD.seq, OLD.title
     WHERE OLD.title IS NOT NULL
       AND OLD.seq <= (SELECT conversation_seq FROM search_progress WHERE id = 1)
       AND NOT EXISTS (SELECT 1 FROM search_backlog WHERE seq = -OLD.seq);
    DELETE FROM search_backlog WHERE seq = -OLD.seq;
    UPDATE search_progress SET conversation_seq = (SELECT ifnull(max(seq), 0) FROM conversation)
     WHERE id = 1 AND conversation_seq > (SELECT ifnull(max(seq), 0) FROM conversation);
END;

-- Triggers that delete what belongs to a deleted row. The sqlite3 shell ignores the
-- actions of foreign keys by default, and triggers run in every program.
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

-- A conversation must not get the messages of a deleted one.
CREATE TRIGGER conversation_seq_is_new AFTER INSERT ON conversation
WHEN EXISTS (SELECT 1 FROM deleted_conversation WHERE seq = NEW.seq) BEGIN
    SELECT RAISE(ABORT, 'the messages of a deleted conversation with this seq still exist');
END;

CREATE TRIGGER visitor_delete_children AFTER DELETE ON visitor BEGIN
    DELETE FROM session WHERE visitor_seq = OLD.seq;
    DELETE FROM conversation WHERE visitor_seq = OLD.seq;
    DELETE FROM idempotency_key WHERE caller = 'visitor ' || OLD.seq;
    DELETE FROM idempotency_key
     WHERE caller IN (SELECT 'key ' || seq || ' ' || OLD.sa_vid FROM api_key
                       WHERE project_seq = OLD.project_seq);
    UPDATE deleted_seq SET seq = OLD.seq WHERE table_name = 'visitor' AND seq < OLD.seq;
END;

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

CREATE TRIGGER document_delete_children AFTER DELETE ON document BEGIN
    DELETE FROM passage WHERE document_seq = OLD.seq;
END;

CREATE TRIGGER qna_delete_children AFTER DELETE ON qna BEGIN
    DELETE FROM passage WHERE qna_seq = OLD.seq;
END;

-- Triggers for passage keep the full-text index and passage_version.
CREATE TRIGGER passage_after_insert AFTER INSERT ON passage BEGIN
    INSERT INTO passage_text (rowid, title, heading, body)
    VALUES (NEW.seq, NEW.title, NEW.heading, NEW.body);
    UPDATE passage_version SET version = version + 1;
END;

CREATE TRIGGER passage_after_delete AFTER DELETE ON passage BEGIN
    INSERT INTO passage_text (passage_text, rowid, title, heading, body)
    VALUES ('delete', OLD.seq, OLD.title, OLD.heading, OLD.body);
    UPDATE passage_version SET version = version + 1;
END;

-- To change a passage, delete it and insert a new one.
CREATE TRIGGER passage_is_immutable BEFORE UPDATE ON passage BEGIN
    SELECT RAISE(ABORT, 'a passage is replaced, not changed');
END;
