-- The schema for PostgreSQL 15 or newer. Parlor runs this text in an empty schema of the
-- database, in one transaction. Tables, columns and their order are those of schema.sql (SQLite).
--
-- Conventions
--   seq     The row number. Other tables refer to a row by it. It is never sent
--           to a client.
--   id      A UUID, stored as 16 bytes. The bytes sort like the UUID's text.
--           SELECT encode(id, 'hex') shows it.
--   *_at    A time in milliseconds since 1970-01-01T00:00:00Z.
--           SELECT to_timestamp(created_at / 1000.0) shows it.
--   is_*    0 (false) or 1 (true).
--
-- Differences from SQLite
--   Types       INTEGER is BIGINT, also for flags, so that statements are the same for
--               both. TEXT has the collation "C": order is by bytes, as in SQLite,
--               whatever the locale of the database is. BLOB is BYTEA.
--   seq         PostgreSQL sets it where SQLite does. A statement sets it for project,
--               visitor and conversation, under the writer lock of the database.
--   Deletion    Foreign keys delete what belongs to a deleted row, where SQLite has
--               triggers: PostgreSQL checks a foreign key before a trigger runs.
--   Search      search_text has a row for each message and title. Triggers note the
--               changed texts in search_backlog, and a task adds them to search_text,
--               apart from the writer. There is no search_progress: the index is always
--               kept, because the nodes of a server share it.
--   Events      Triggers write the changes of lists and agents to event. On SQLite, the
--               process that writes captures them in memory.
--
-- Every index slows every write down; docs/adr/0004-index-per-order.md says what
-- each index is for.

CREATE TABLE parlor_migration (
    -- The migrations of this database. The highest version is that of the schema.
    version    BIGINT PRIMARY KEY,
    applied_at BIGINT NOT NULL DEFAULT (date_part('epoch', now()) * 1000)::BIGINT
);
INSERT INTO parlor_migration (version) VALUES (1);

-- The last group of batches that each server process has committed. A process that has
-- lost the connection during a commit reads whether its group is committed.
CREATE TABLE writer (
    id           BYTEA PRIMARY KEY,
    group_number BIGINT NOT NULL,
    committed_at BIGINT NOT NULL
) WITH (fillfactor = 10);

-- The words of a text with their positions, each as the number of the project, 'x' and
-- the word: the index entries of a word belong to one project. Words are letters and
-- digits, without letter case and without the diacritics of Latin letters, as the tokenizer
-- unicode61 of SQLite has them. Only the first 100,000 characters of a text and the first
-- 100 of a word count, because a TSVECTOR has at most 1 MB. The parser of to_tsvector is
-- not used: it depends on the locale of the database, and 'e-mail' is one word to it.
--
-- PL/pgSQL, because it keeps the plan of the query, which is four times as fast.
CREATE FUNCTION search_words(project_seq BIGINT, text TEXT) RETURNS TSVECTOR
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    folded TEXT := left(text, 100000);
BEGIN
    IF octet_length(folded) = length(folded) THEN -- ASCII
        folded := lower(folded COLLATE "C");
    ELSE
        folded := normalize(lower(folded COLLATE "und-x-icu"), NFD);
        folded := normalize(regexp_replace(folded, '([a-z])[\u0300-\u036f]+', '\1', 'g'), NFC);
        folded := replace(folded, 'ς', 'σ');
    END IF;
    folded := regexp_replace(folded COLLATE "und-x-icu", '[^[:alnum:]]+', ' ', 'g');
    RETURN (
        SELECT coalesce(string_agg(project_seq || 'x' || left(word, 100) || ':' || position, ' '), '')::TSVECTOR
          FROM string_to_table(folded, ' ') WITH ORDINALITY AS words (word, position)
         WHERE word <> ''
    );
END $$;

-- The query for a term of a search text: a word, or words that must follow one another.
-- is_prefix 1: the last word also matches longer words. The query of a term without a
-- word is empty.
CREATE FUNCTION search_term(project_seq BIGINT, term TEXT, is_prefix BIGINT) RETURNS TSQUERY
LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(lexeme, ' <-> ' ORDER BY position)
                        || CASE WHEN is_prefix = 1 THEN ':*' ELSE '' END, '')::TSQUERY
      FROM unnest(search_words(project_seq, term)) AS words (lexeme, positions, weights),
           unnest(positions) AS position
$$;

CREATE TABLE secret (
    -- Random keys of this server. 'session' signs session tokens and ETags.
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE project (
    -- One website or app. Every other row belongs to one project.
    seq                  BIGINT PRIMARY KEY,
    id                   BYTEA NOT NULL CHECK (length(id) = 16),
    name                 TEXT COLLATE "C" NOT NULL,
    description          TEXT COLLATE "C",
    widget_config        TEXT COLLATE "C" NOT NULL DEFAULT '{}', -- JSON: the widget settings that differ from the defaults
    created_at           BIGINT NOT NULL,
    open_conversations   BIGINT NOT NULL DEFAULT 0, -- count of rows in conversation; triggers update it
    closed_conversations BIGINT NOT NULL DEFAULT 0, -- the same
    plan                 TEXT COLLATE "C", -- name of the plan the project pays for; null: no plan, no limits
    list_version         BIGINT NOT NULL DEFAULT 0, -- triggers increment it at every change of a row in the lists of conversations
    open_human_handled   BIGINT NOT NULL DEFAULT 0, -- those of open_conversations that an agent handles
    closed_human_handled BIGINT NOT NULL DEFAULT 0, -- the same for closed_conversations
    message_quota        BIGINT CHECK (message_quota BETWEEN 0 AND 1000000000), -- messages that visitors may send in a month, 0: unlimited; null: the setting of the server
    business_hours       TEXT COLLATE "C", -- JSON: the weekly hours in which agents answer, with their time zone; null: always
    away_message         TEXT COLLATE "C", -- shown to visitors while no agent is available
    webhook_url          TEXT COLLATE "C", -- receives notifications
    webhook_secret       BYTEA CHECK (length(webhook_secret) = 32), -- signs notifications
    notification_emails  TEXT COLLATE "C" NOT NULL DEFAULT '[]', -- JSON array: addresses that receive notifications
    waiting_conversations BIGINT NOT NULL DEFAULT 0 -- count of the conversations that wait for an agent; triggers update it
);
CREATE UNIQUE INDEX project_by_id ON project (id);

CREATE TABLE api_key (
    -- API keys. The text of a private key is not stored, only its hash.
    seq           BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id            BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq   BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    kind          TEXT COLLATE "C" NOT NULL CHECK (kind IN ('publishable', 'private')), -- publishable: used in web pages; private: used by servers
    name          TEXT COLLATE "C" NOT NULL,
    hash          BYTEA NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the key
    hint          TEXT COLLATE "C" NOT NULL, -- the last four characters of the key, shown in lists of keys
    origins       TEXT COLLATE "C" NOT NULL DEFAULT '[]', -- JSON array: websites that may use the key; empty: every website
    created_at    BIGINT NOT NULL,
    revoked_at    BIGINT, -- null: the key is valid
    assistant_seq BIGINT, -- answers the visitors who use the key; null: the project's first assistant
    publishable_key TEXT COLLATE "C" CHECK (publishable_key IS NULL OR kind = 'publishable'), -- the key, which every web page shows; null: a private key, or one from before version 7
    identity_secret BYTEA CHECK (length(identity_secret) = 32) -- verifies tokens with which the website's server identifies visitors; null: there are none
);
CREATE UNIQUE INDEX api_key_by_id ON api_key (id);
CREATE UNIQUE INDEX api_key_by_hash ON api_key (hash);

CREATE TABLE visitor (
    -- A person or device that uses a project's website.
    seq                  BIGINT PRIMARY KEY,
    id                   BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq          BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    sa_vid               TEXT COLLATE "C", -- the device's name for the visitor ("saVid" of POST /v2/identity/init)
    external_id          TEXT COLLATE "C", -- the website's own name for the visitor
    name                 TEXT COLLATE "C",
    avatar_url           TEXT COLLATE "C",
    created_at           BIGINT NOT NULL,
    open_conversations   BIGINT NOT NULL DEFAULT 0, -- count of rows in conversation; triggers update it
    closed_conversations BIGINT NOT NULL DEFAULT 0, -- the same
    list_version         BIGINT NOT NULL DEFAULT 0, -- as in project, for the visitor's own list
    open_human_handled   BIGINT NOT NULL DEFAULT 0, -- those of open_conversations that an agent handles
    closed_human_handled BIGINT NOT NULL DEFAULT 0, -- the same for closed_conversations
    email                TEXT COLLATE "C", -- contact details that the visitor left
    phone                TEXT COLLATE "C",
    is_verified          BIGINT NOT NULL DEFAULT 0 CHECK (is_verified IN (0, 1)), -- 1: external_id and name are from the website's server
    blocked_at           BIGINT, -- null: the visitor may write
    is_email_verified    BIGINT NOT NULL DEFAULT 0 CHECK (is_email_verified IN (0, 1)) -- 1: email is from the website's server
);
CREATE UNIQUE INDEX visitor_by_id ON visitor (project_seq, id);
CREATE UNIQUE INDEX visitor_by_sa_vid ON visitor (project_seq, sa_vid)
    WHERE sa_vid IS NOT NULL;
CREATE UNIQUE INDEX visitor_by_external_id ON visitor (project_seq, external_id)
    WHERE external_id IS NOT NULL;

CREATE TABLE session (
    -- A visitor's session. Its token carries the id.
    id           BYTEA PRIMARY KEY CHECK (length(id) = 16),
    visitor_seq  BIGINT NOT NULL REFERENCES visitor (seq) ON DELETE CASCADE,
    key_seq      BIGINT NOT NULL REFERENCES api_key (seq) ON DELETE CASCADE, -- the key that started the session
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL -- rounded: not every request updates it
);
-- Finds the sessions to delete.
CREATE INDEX session_by_last_use ON session (last_used_at);
-- Finds the sessions of a deleted visitor.
CREATE INDEX session_by_visitor ON session (visitor_seq);

CREATE TABLE conversation (
    seq                 BIGINT PRIMARY KEY,
    id                  BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq         BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    visitor_seq         BIGINT NOT NULL REFERENCES visitor (seq) ON DELETE CASCADE,
    status              TEXT COLLATE "C" NOT NULL CHECK (status IN ('closed', 'open')),
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL, -- last change of any kind
    last_interaction_at BIGINT NOT NULL, -- last message
    closed_at           BIGINT,
    close_reason        TEXT COLLATE "C",
    is_human_handled    BIGINT NOT NULL DEFAULT 0 CHECK (is_human_handled IN (0, 1)), -- 1: an agent has taken over; the assistant does not answer
    has_agent           BIGINT NOT NULL DEFAULT 0 CHECK (has_agent IN (0, 1)), -- 1: agent_name and agent_image describe the agent (either may be null)
    agent_name          TEXT COLLATE "C",
    agent_image         TEXT COLLATE "C", -- URL
    title               TEXT COLLATE "C",
    title_key           TEXT COLLATE "C", -- the title with Unicode case folding: the sort key
    page_url            TEXT COLLATE "C", -- the page on which the conversation was started
    last_message_seq    BIGINT, -- the newest message; every write of a message sets it
    agent_id            BYTEA CHECK (length(agent_id) = 16), -- account of the agent who has taken over; null: none, or a private key
    waiting_since       BIGINT -- since when the conversation waits for an agent; null: it does not
                        CHECK (waiting_since IS NULL OR (status = 'open' AND is_human_handled = 0)),
    waiting_reason      TEXT COLLATE "C" -- requested: the visitor asked for a person; contact: left contact details; unanswered: two answers did not help
                        CHECK (waiting_reason IN ('requested', 'contact', 'unanswered') AND (waiting_reason IS NULL) = (waiting_since IS NULL)),
    waited_ms           BIGINT, -- how long the visitor waited until an agent took over, last time; null: never
    read_message_seq    BIGINT, -- the newest message that an agent has read; null: none
    CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((title IS NULL) = (title_key IS NULL))
);

-- A project's list: one index for each sort order. Status is the first sort
-- column, so that one index serves a list of one status and, by merging two
-- ranges, the list of both. is_human_handled is the last column, so that the list
-- of the conversations that no agent handles skips entries without reading rows. With
-- seq included, a page and its offset are read from the index alone.
CREATE UNIQUE INDEX conversation_by_id ON conversation (project_seq, id) INCLUDE (seq);
CREATE INDEX conversation_by_status ON conversation (project_seq, status, id) INCLUDE (seq);
CREATE INDEX conversation_by_created
    ON conversation (project_seq, status, created_at, id, is_human_handled) INCLUDE (seq);
CREATE INDEX conversation_by_updated
    ON conversation (project_seq, status, updated_at, id, is_human_handled) INCLUDE (seq);
CREATE INDEX conversation_by_interaction
    ON conversation (project_seq, status, last_interaction_at, id, is_human_handled) INCLUDE (seq);
-- Open conversations have no closed_at; conversation_by_status serves them.
CREATE INDEX conversation_by_closed ON conversation (project_seq, closed_at, id, is_human_handled) INCLUDE (seq)
    WHERE status = 'closed';
CREATE INDEX conversation_by_handled
    ON conversation (project_seq, status, is_human_handled, id) INCLUDE (seq);
CREATE INDEX conversation_by_title
    ON conversation (project_seq, status, title_key, id, is_human_handled) INCLUDE (seq);
-- The conversations that wait for an agent, the longest first.
CREATE INDEX conversation_waiting ON conversation (project_seq, waiting_since, id) INCLUDE (seq)
    WHERE waiting_since IS NOT NULL;
-- A visitor's list; its other sort orders are sorted in memory.
CREATE INDEX conversation_by_visitor
    ON conversation (visitor_seq, last_interaction_at, id, status, is_human_handled) INCLUDE (seq);

-- The list of the conversations that an agent handles: one index for each sort
-- order that conversation_by_handled does not serve. Other conversations have no
-- entry, so that their writes cost nothing here.
CREATE INDEX conversation_handled_by_created
    ON conversation (project_seq, status, created_at, id) INCLUDE (seq) WHERE is_human_handled = 1;
CREATE INDEX conversation_handled_by_updated
    ON conversation (project_seq, status, updated_at, id) INCLUDE (seq) WHERE is_human_handled = 1;
CREATE INDEX conversation_handled_by_interaction
    ON conversation (project_seq, status, last_interaction_at, id) INCLUDE (seq) WHERE is_human_handled = 1;
CREATE INDEX conversation_handled_by_closed ON conversation (project_seq, closed_at, id) INCLUDE (seq)
    WHERE status = 'closed' AND is_human_handled = 1;
CREATE INDEX conversation_handled_by_title
    ON conversation (project_seq, status, title_key, id) INCLUDE (seq) WHERE is_human_handled = 1;

CREATE TABLE message (
    -- Messages of a conversation, in the order of seq.
    seq              BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id               BYTEA NOT NULL CHECK (length(id) = 16),
    conversation_seq BIGINT NOT NULL, -- no foreign key: a deleted conversation keeps its messages for some steps
    created_at       BIGINT NOT NULL,
    role             TEXT COLLATE "C" NOT NULL CHECK (role IN ('user', 'assistant', 'human_agent')), -- user: the visitor
    status           TEXT COLLATE "C" NOT NULL CHECK (status IN ('streaming', 'complete', 'error')), -- streaming: the answer is being written
    text             TEXT COLLATE "C" NOT NULL, -- plain text of the message; '' while it is streaming
    parts            TEXT COLLATE "C", -- JSON array: the parts of the message; null: one part with the text
    error            TEXT COLLATE "C", -- why the answer failed, as shown to the visitor
    feedback         TEXT COLLATE "C" CHECK (feedback IN ('like', 'dislike')),
    feedback_at      BIGINT,
    metadata         TEXT COLLATE "C", -- JSON, for example the tokens that a model counted
    has_agent        BIGINT NOT NULL DEFAULT 0 CHECK (has_agent IN (0, 1)), -- 1: agent_name and agent_image describe the agent who wrote it
    agent_name       TEXT COLLATE "C",
    agent_image      TEXT COLLATE "C", -- URL
    page_url         TEXT COLLATE "C", -- the page on which the visitor wrote
    page_title       TEXT COLLATE "C",
    text_selection   TEXT COLLATE "C", -- the text that the visitor had selected on the page
    owner            BYTEA -- id of the process that is writing the answer; null unless streaming
);
CREATE UNIQUE INDEX message_by_id ON message (id);
-- A conversation's messages in order.
CREATE INDEX message_by_conversation ON message (conversation_seq, seq);
-- Answers being written. An answer being written is the newest message of its
-- conversation.
CREATE INDEX message_streaming ON message (conversation_seq, seq) WHERE status = 'streaming';
-- Counts the feedback of a period.
CREATE INDEX message_with_feedback ON message (feedback_at) WHERE feedback_at IS NOT NULL;

CREATE TABLE process (
    -- Server processes that write answers. A process renews its lease while it
    -- writes one. An answer that is being written has failed if its owner has no
    -- row here, has an expired lease, or no longer runs.
    id               BYTEA PRIMARY KEY CHECK (length(id) = 16), -- random, new at every start
    pid              BIGINT NOT NULL, -- process id of the operating system
    pid_namespace    BIGINT, -- hash of the machine's boot and the PID namespace in which pid is valid; null: unknown
    lease_expires_at BIGINT NOT NULL
);

CREATE TABLE assistant (
    -- Answers a project's visitors. A project's first assistant is its default.
    seq         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id          BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    name        TEXT COLLATE "C" NOT NULL,
    mode        TEXT COLLATE "C" NOT NULL DEFAULT 'auto' CHECK (mode IN ('auto', 'builtin', 'model')), -- auto: the model if the server has one, else builtin
    prompt      TEXT COLLATE "C", -- instructions for the model; null: the default
    fallback    TEXT COLLATE "C", -- the answer if nothing is found; null: the default
    created_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX assistant_by_id ON assistant (id);
CREATE INDEX assistant_by_project ON assistant (project_seq);
ALTER TABLE api_key ADD FOREIGN KEY (assistant_seq) REFERENCES assistant (seq);

CREATE TABLE agent (
    -- Accounts of the people who answer visitors. A seq is never used again, because
    -- running requests refer to accounts by it.
    seq           BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id            BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq   BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    name          TEXT COLLATE "C" NOT NULL,
    email         TEXT COLLATE "C" NOT NULL, -- in lower case; the name for signing in
    avatar_url    TEXT COLLATE "C",
    role          TEXT COLLATE "C" NOT NULL CHECK (role IN ('owner', 'agent')), -- owner: may also change keys, agents and settings, erase and export
    password_hash TEXT COLLATE "C", -- argon2id, in PHC string format; null: signs in with a link only
    is_away       BIGINT NOT NULL DEFAULT 0 CHECK (is_away IN (0, 1)), -- 1: the agent does not count as available
    created_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX agent_by_id ON agent (id);
CREATE UNIQUE INDEX agent_by_email ON agent (email);
CREATE INDEX agent_by_project ON agent (project_seq);

CREATE TABLE agent_session (
    -- Sessions of agents in browsers. The cookie holds a random token; its hash is here.
    seq          BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id           BYTEA NOT NULL CHECK (length(id) = 16),
    hash         BYTEA NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the token
    agent_seq    BIGINT NOT NULL REFERENCES agent (seq) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL, -- rounded: not every request updates it
    user_agent   TEXT COLLATE "C", -- the browser, as it names itself
    address      TEXT COLLATE "C" -- client address of the sign-in
);
CREATE UNIQUE INDEX agent_session_by_id ON agent_session (id);
CREATE UNIQUE INDEX agent_session_by_hash ON agent_session (hash);
CREATE INDEX agent_session_by_agent ON agent_session (agent_seq);
-- Finds the sessions to delete.
CREATE INDEX agent_session_by_last_use ON agent_session (last_used_at);

CREATE TABLE sign_in_link (
    -- Links that sign in once: setup creates the first account of a project, sign_in
    -- opens an account. The row is deleted when the link is used.
    hash        BYTEA PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the token in the link
    purpose     TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('setup', 'sign_in')),
    project_seq BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    agent_seq   BIGINT REFERENCES agent (seq) ON DELETE CASCADE,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    CHECK ((purpose = 'sign_in') = (agent_seq IS NOT NULL))
);

CREATE TABLE note (
    -- Notes of agents about a conversation. Visitors never see them.
    seq              BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id               BYTEA NOT NULL CHECK (length(id) = 16),
    conversation_seq BIGINT NOT NULL REFERENCES conversation (seq) ON DELETE CASCADE,
    agent_id         BYTEA CHECK (length(agent_id) = 16), -- account of the author, which may be deleted; null: a private key
    agent_name       TEXT COLLATE "C",
    text             TEXT COLLATE "C" NOT NULL,
    created_at       BIGINT NOT NULL
);
CREATE UNIQUE INDEX note_by_id ON note (id);
CREATE INDEX note_by_conversation ON note (conversation_seq);

CREATE TABLE saved_reply (
    -- Texts that agents use again.
    seq         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id          BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    name        TEXT COLLATE "C" NOT NULL,
    text        TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX saved_reply_by_id ON saved_reply (id);
CREATE UNIQUE INDEX saved_reply_by_name ON saved_reply (project_seq, name);

CREATE TABLE answer_refusal (
    -- Answers of the assistant that found nothing to say.
    message_seq  BIGINT PRIMARY KEY, -- the answer
    question_seq BIGINT NOT NULL, -- the message of the visitor
    project_seq  BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL,
    resolved_at  BIGINT -- null: an agent should write the answer
);
-- The list of unanswered questions.
CREATE INDEX answer_refusal_unresolved ON answer_refusal (project_seq, created_at)
    WHERE resolved_at IS NULL;

CREATE TABLE notification (
    -- Webhook requests and e-mails: those to be sent, and for some days those that were sent.
    seq              BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id               BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq      BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    conversation_seq BIGINT, -- null: a test
    message_seq      BIGINT, -- reply_email: the first reply that the visitor has not seen
    kind             TEXT COLLATE "C" NOT NULL CHECK (kind IN ('webhook', 'email', 'reply_email')), -- reply_email: to the visitor
    recipient        TEXT COLLATE "C" NOT NULL, -- URL or e-mail address
    created_at       BIGINT NOT NULL,
    attempts         BIGINT NOT NULL DEFAULT 0,
    next_attempt_at  BIGINT, -- null: delivered, failed for good or cancelled
    delivered_at     BIGINT,
    error            TEXT COLLATE "C" -- why the last attempt failed
);
CREATE UNIQUE INDEX notification_by_id ON notification (id);
CREATE INDEX notification_pending ON notification (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX notification_by_project ON notification (project_seq, created_at);
CREATE INDEX notification_by_conversation ON notification (conversation_seq)
    WHERE conversation_seq IS NOT NULL;

CREATE TABLE source (
    -- Websites and folders that were learned, with their last run.
    seq         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id          BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    location    TEXT COLLATE "C" NOT NULL, -- URL, or path of the folder; document.source has the same text
    kind        TEXT COLLATE "C" NOT NULL CHECK (kind IN ('website', 'folder')),
    started_at  BIGINT, -- begin of the last run
    finished_at BIGINT, -- end of the last run; null: it has not ended
    documents   BIGINT NOT NULL DEFAULT 0, -- documents that the last run stored or found unchanged
    error       TEXT COLLATE "C", -- why the last run failed; null: it has not
    problems    TEXT COLLATE "C" NOT NULL DEFAULT '[]', -- JSON array of {item, reason}: what the last run skipped or warned about; at most 100
    skipped     BIGINT NOT NULL DEFAULT 0, -- pages and files that the last run skipped
    removed     BIGINT NOT NULL DEFAULT 0, -- documents that the last run deleted
    interval_s  BIGINT CHECK (interval_s > 0) -- seconds from one run to the next; null: learned on request
);
CREATE UNIQUE INDEX source_by_id ON source (id);
CREATE UNIQUE INDEX source_by_location ON source (project_seq, location);

CREATE TABLE usage (
    -- How many messages a project's visitors sent in a calendar month (UTC).
    project_seq BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    month       BIGINT NOT NULL, -- months since January 1970
    messages    BIGINT NOT NULL,
    PRIMARY KEY (project_seq, month)
);

CREATE TABLE idempotency_key (
    -- Responses to requests that had an Idempotency-Key, stored for 24 hours.
    caller       TEXT COLLATE "C" NOT NULL, -- the visitor or API key that sent the request
    key          TEXT COLLATE "C" NOT NULL, -- the Idempotency-Key
    request_hash BYTEA NOT NULL CHECK (length(request_hash) = 32), -- SHA-256 of method, path and body of the request
    created_at   BIGINT NOT NULL,
    status       BIGINT NOT NULL, -- HTTP status of the response
    body         BYTEA, -- body of the response; null: it is built from the message
    message_id   BYTEA, -- the message from which the body is built
    conversation_id BYTEA, -- the conversation that the response is about
    PRIMARY KEY (caller, key)
);
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
    -- hundred in each transaction. Their messages cannot be read any more.
    seq BIGINT PRIMARY KEY
);

CREATE TABLE deleted_visitor (
    -- Visitors that are being erased. Their names and
    -- sessions are deleted, and their conversations are being deleted, some hundred in
    -- each transaction.
    seq BIGINT PRIMARY KEY
);

CREATE TABLE deleted_seq (
    -- The highest seq of a deleted row. A new row gets a higher one, because running
    -- requests refer to rows by seq.
    table_name TEXT COLLATE "C" PRIMARY KEY CHECK (table_name IN ('conversation', 'project', 'visitor')),
    seq        BIGINT NOT NULL
);
INSERT INTO deleted_seq VALUES ('conversation', 0), ('project', 0), ('visitor', 0);

CREATE TABLE qna (
    -- Questions with their answers, written by the project's owner.
    seq           BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id            BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq   BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    question      TEXT COLLATE "C" NOT NULL,
    answer        TEXT COLLATE "C" NOT NULL, -- Markdown
    is_published  BIGINT NOT NULL DEFAULT 1 CHECK (is_published IN (0, 1)), -- 0: not used for answers
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    creator_name  TEXT COLLATE "C",
    creator_image TEXT COLLATE "C" -- URL
);
CREATE UNIQUE INDEX qna_by_id ON qna (id);
-- A project's published entries, by creation.
CREATE INDEX qna_by_project ON qna (project_seq, is_published, created_at, id);

CREATE TABLE document (
    -- Pages and files that parlor has learned. Their text is in passage.
    seq         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id          BYTEA NOT NULL CHECK (length(id) = 16),
    project_seq BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    url         TEXT COLLATE "C" NOT NULL, -- address of the page; file:RELATIVE/PATH for a file without an address
    title       TEXT COLLATE "C" NOT NULL,
    hash        BYTEA NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the page or file; equal: no need to learn it again
    source      TEXT COLLATE "C" NOT NULL DEFAULT '', -- the folder or website that was learned; '': sent over the API
    learned_at  BIGINT NOT NULL,
    description TEXT COLLATE "C" NOT NULL DEFAULT '' -- summary of the page, for search; '': it has none
);
CREATE UNIQUE INDEX document_by_id ON document (id);
CREATE UNIQUE INDEX document_by_url ON document (project_seq, url);

CREATE TABLE passage (
    -- The texts that retrieval searches: sections of documents, and published
    -- entries of qna. A seq is never used again, because an index in memory refers to a
    -- passage by its seq.
    seq          BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    project_seq  BIGINT NOT NULL REFERENCES project (seq) ON DELETE CASCADE,
    document_seq BIGINT REFERENCES document (seq) ON DELETE CASCADE,
    qna_seq      BIGINT REFERENCES qna (seq) ON DELETE CASCADE,
    title        TEXT COLLATE "C" NOT NULL, -- title of the document, or the question
    heading      TEXT COLLATE "C" NOT NULL, -- heading of the section; '' if it has none
    body         TEXT COLLATE "C" NOT NULL, -- Markdown
    CHECK ((document_seq IS NULL) <> (qna_seq IS NULL))
);
CREATE INDEX passage_by_project ON passage (project_seq);
CREATE INDEX passage_by_document ON passage (document_seq) WHERE document_seq IS NOT NULL;
CREATE UNIQUE INDEX passage_by_qna ON passage (qna_seq) WHERE qna_seq IS NOT NULL;
-- The words of questions, for the search for qna entries.
CREATE INDEX passage_words ON passage USING gin (search_words(project_seq, title))
    WHERE qna_seq IS NOT NULL;

CREATE TABLE passage_version (
    -- One row. Its version is incremented at every change of passage; the
    -- retrieval index in memory is rebuilt when it differs.
    id      BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO passage_version VALUES (1, 0);

CREATE TABLE embedding (
    -- Vectors that an embedding model calculated from passages. They can be calculated again.
    model        TEXT COLLATE "C" NOT NULL, -- the model and how it is used; vectors of different models are not comparable
    passage_hash BYTEA NOT NULL CHECK (length(passage_hash) = 32), -- SHA-256 of the title, heading and body of the passage
    part         BIGINT NOT NULL, -- number of the part, from 0; a passage longer than the limit of the model has several
    vector       BYTEA NOT NULL, -- f32 scale (little-endian), then int8 components
    PRIMARY KEY (model, passage_hash, part)
);

-- The search index of messages and titles. Only index_texts writes it, so that no
-- transaction of the writer waits for it. A text that is in search_backlog is searched as
-- it is; what search_text has of it is out of date.
CREATE TABLE search_text (
    seq              BIGINT PRIMARY KEY, -- of a message; negative: of a conversation, for its title
    conversation_seq BIGINT NOT NULL,
    words            TSVECTOR NOT NULL
);
CREATE INDEX search_text_by_words ON search_text USING gin (words) WITH (gin_pending_list_limit = 1024);

CREATE TABLE search_backlog (
    -- Texts that were added, changed or deleted since index_texts has seen them. A text
    -- has a row for each change: a change during a run of index_texts is seen by the next.
    seq BIGINT NOT NULL, -- as in search_text
    id  BIGINT GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (seq, id)
);

-- Adds texts of search_backlog to search_text, at most max_rows, and removes those that
-- were deleted. Returns the number of rows of search_backlog that it has removed. Only one
-- transaction runs it at a time; another one returns 0.
CREATE FUNCTION index_texts(max_rows BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    seqs BIGINT[];
BEGIN
    IF NOT pg_try_advisory_xact_lock('search_text'::REGCLASS::OID::BIGINT) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM search_backlog
         WHERE (seq, id) IN (SELECT seq, id FROM search_backlog ORDER BY seq, id LIMIT max_rows)
        RETURNING seq
    )
    SELECT array_agg(seq) INTO seqs FROM taken;
    IF seqs IS NULL THEN
        RETURN 0;
    END IF;
    DELETE FROM search_text WHERE seq = ANY (seqs);
    INSERT INTO search_text (seq, conversation_seq, words)
    SELECT m.seq, m.conversation_seq, search_words(c.project_seq, m.text)
      FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq
     WHERE m.seq IN (SELECT unnest(seqs)) AND m.status <> 'streaming' AND m.text <> '';
    INSERT INTO search_text (seq, conversation_seq, words)
    SELECT -c.seq, c.seq, search_words(c.project_seq, c.title)
      FROM conversation AS c
     WHERE c.seq IN (SELECT -unnest(seqs)) AND c.title <> '';
    RETURN cardinality(seqs);
END $$;

CREATE TABLE event (
    -- Changes that every node of the server reads and reports to its clients. The writer
    -- lock of the database makes the order of seq the order of the commits. A node deletes
    -- rows that are older than a minute.
    seq                     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at              BIGINT NOT NULL DEFAULT (date_part('epoch', now()) * 1000)::BIGINT, -- begin of the transaction
    kind                    TEXT COLLATE "C" NOT NULL, -- conversation, message_update, message_delete, visitor, agent: written by triggers; others by the program
    project_seq             BIGINT,
    visitor_seq             BIGINT,
    conversation_seq        BIGINT,
    conversation_id         BYTEA,
    -- A conversation before the change; old_status null: it was inserted.
    old_status              TEXT COLLATE "C",
    old_created_at          BIGINT,
    old_updated_at          BIGINT,
    old_last_interaction_at BIGINT,
    old_closed_at           BIGINT,
    old_is_human_handled    BIGINT,
    old_title_key           TEXT COLLATE "C",
    old_last_message_seq    BIGINT,
    old_waiting_since       BIGINT,
    -- A conversation after the change; new_status null: it was deleted.
    new_status              TEXT COLLATE "C",
    new_created_at          BIGINT,
    new_updated_at          BIGINT,
    new_last_interaction_at BIGINT,
    new_closed_at           BIGINT,
    new_is_human_handled    BIGINT,
    new_title_key           TEXT COLLATE "C",
    new_last_message_seq    BIGINT,
    new_waiting_since       BIGINT,
    -- A message that was updated or deleted.
    message_seq             BIGINT,
    old_message_id          BYTEA,
    new_message_id          BYTEA, -- another id than before if an answer has replaced a failed one
    has_ended               BIGINT, -- 1: the message is an answer whose streaming has ended
    -- An agent; is_away null: the account was deleted.
    agent_seq               BIGINT,
    is_away                 BIGINT,
    -- JSON: what the program reports.
    payload                 TEXT COLLATE "C"
);

-- Rows that each message changes. Free space in a page lets PostgreSQL store the new
-- version of a row beside the old one, without a new entry in each index.
ALTER TABLE project SET (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE usage SET (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE visitor SET (fillfactor = 70);
ALTER TABLE message SET (fillfactor = 90);
-- Index-only scans read the rows of pages that changed since the last vacuum.
ALTER TABLE conversation SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
-- Rows that are deleted soon.
ALTER TABLE search_backlog SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
ALTER TABLE event SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Triggers for conversation and message keep two things in project and visitor:
-- the counts of conversations, so that the total of a list is one row to read,
-- and list_version. A list that was read at a list_version is current as long as
-- the list_version is the same. Each changed row adds exactly 1. A new message adds
-- nothing by itself, because the same transaction makes it the last message of its
-- conversation.
--
-- The same triggers write the changes to event and search_backlog. There is one
-- trigger for each table and operation, because each call of a trigger costs time.

CREATE FUNCTION conversation_after_insert() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    is_open    CONSTANT BIGINT := (NEW.status = 'open')::INT;
    is_closed  CONSTANT BIGINT := (NEW.status = 'closed')::INT;
    is_handled CONSTANT BIGINT := NEW.is_human_handled;
BEGIN
    -- A conversation must not get the messages of a deleted one.
    IF EXISTS (SELECT 1 FROM deleted_conversation WHERE seq = NEW.seq) THEN
        RAISE EXCEPTION 'the messages of a deleted conversation with this seq still exist';
    END IF;
    UPDATE project SET open_conversations = open_conversations + is_open,
                       closed_conversations = closed_conversations + is_closed,
                       open_human_handled = open_human_handled + is_open * is_handled,
                       closed_human_handled = closed_human_handled + is_closed * is_handled,
                       waiting_conversations = waiting_conversations + (NEW.waiting_since IS NOT NULL)::INT,
                       list_version = list_version + 1
     WHERE seq = NEW.project_seq;
    UPDATE visitor SET open_conversations = open_conversations + is_open,
                       closed_conversations = closed_conversations + is_closed,
                       open_human_handled = open_human_handled + is_open * is_handled,
                       closed_human_handled = closed_human_handled + is_closed * is_handled,
                       list_version = list_version + 1
     WHERE seq = NEW.visitor_seq;
    INSERT INTO event (kind, project_seq, visitor_seq, conversation_seq, conversation_id,
                       new_status, new_created_at, new_updated_at, new_last_interaction_at, new_closed_at,
                       new_is_human_handled, new_title_key, new_last_message_seq, new_waiting_since)
    VALUES ('conversation', NEW.project_seq, NEW.visitor_seq, NEW.seq, NEW.id,
            NEW.status, NEW.created_at, NEW.updated_at, NEW.last_interaction_at, NEW.closed_at,
            NEW.is_human_handled, NEW.title_key, NEW.last_message_seq, NEW.waiting_since);
    IF NEW.title IS NOT NULL THEN
        INSERT INTO search_backlog (seq) VALUES (-NEW.seq);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER conversation_after_insert AFTER INSERT ON conversation
FOR EACH ROW EXECUTE FUNCTION conversation_after_insert();

CREATE FUNCTION conversation_after_update() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    open_change           BIGINT;
    closed_change         BIGINT;
    open_handled_change   BIGINT;
    closed_handled_change BIGINT;
BEGIN
    IF OLD.status = NEW.status AND OLD.is_human_handled = NEW.is_human_handled
       AND (OLD.waiting_since IS NULL) = (NEW.waiting_since IS NULL) THEN
        UPDATE project SET list_version = list_version + 1 WHERE seq = NEW.project_seq;
        UPDATE visitor SET list_version = list_version + 1 WHERE seq = NEW.visitor_seq;
    ELSE
        open_change := (NEW.status = 'open')::INT - (OLD.status = 'open')::INT;
        closed_change := (NEW.status = 'closed')::INT - (OLD.status = 'closed')::INT;
        open_handled_change := (NEW.status = 'open')::INT * NEW.is_human_handled
                             - (OLD.status = 'open')::INT * OLD.is_human_handled;
        closed_handled_change := (NEW.status = 'closed')::INT * NEW.is_human_handled
                               - (OLD.status = 'closed')::INT * OLD.is_human_handled;
        UPDATE project SET open_conversations = open_conversations + open_change,
                           closed_conversations = closed_conversations + closed_change,
                           open_human_handled = open_human_handled + open_handled_change,
                           closed_human_handled = closed_human_handled + closed_handled_change,
                           waiting_conversations = waiting_conversations
                               + (NEW.waiting_since IS NOT NULL)::INT - (OLD.waiting_since IS NOT NULL)::INT,
                           list_version = list_version + 1
         WHERE seq = NEW.project_seq;
        UPDATE visitor SET open_conversations = open_conversations + open_change,
                           closed_conversations = closed_conversations + closed_change,
                           open_human_handled = open_human_handled + open_handled_change,
                           closed_human_handled = closed_human_handled + closed_handled_change,
                           list_version = list_version + 1
         WHERE seq = NEW.visitor_seq;
    END IF;
    INSERT INTO event (kind, project_seq, visitor_seq, conversation_seq, conversation_id,
                       old_status, old_created_at, old_updated_at, old_last_interaction_at, old_closed_at,
                       old_is_human_handled, old_title_key, old_last_message_seq, old_waiting_since,
                       new_status, new_created_at, new_updated_at, new_last_interaction_at, new_closed_at,
                       new_is_human_handled, new_title_key, new_last_message_seq, new_waiting_since)
    VALUES ('conversation', NEW.project_seq, NEW.visitor_seq, NEW.seq, NEW.id,
            OLD.status, OLD.created_at, OLD.updated_at, OLD.last_interaction_at, OLD.closed_at,
            OLD.is_human_handled, OLD.title_key, OLD.last_message_seq, OLD.waiting_since,
            NEW.status, NEW.created_at, NEW.updated_at, NEW.last_interaction_at, NEW.closed_at,
            NEW.is_human_handled, NEW.title_key, NEW.last_message_seq, NEW.waiting_since);
    IF OLD.title IS DISTINCT FROM NEW.title THEN
        INSERT INTO search_backlog (seq) VALUES (-NEW.seq);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER conversation_after_update AFTER UPDATE ON conversation
FOR EACH ROW EXECUTE FUNCTION conversation_after_update();

CREATE FUNCTION conversation_after_delete() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    is_open    CONSTANT BIGINT := (OLD.status = 'open')::INT;
    is_closed  CONSTANT BIGINT := (OLD.status = 'closed')::INT;
    is_handled CONSTANT BIGINT := OLD.is_human_handled;
BEGIN
    UPDATE project SET open_conversations = open_conversations - is_open,
                       closed_conversations = closed_conversations - is_closed,
                       open_human_handled = open_human_handled - is_open * is_handled,
                       closed_human_handled = closed_human_handled - is_closed * is_handled,
                       waiting_conversations = waiting_conversations - (OLD.waiting_since IS NOT NULL)::INT,
                       list_version = list_version + 1
     WHERE seq = OLD.project_seq;
    UPDATE visitor SET open_conversations = open_conversations - is_open,
                       closed_conversations = closed_conversations - is_closed,
                       open_human_handled = open_human_handled - is_open * is_handled,
                       closed_human_handled = closed_human_handled - is_closed * is_handled,
                       list_version = list_version + 1
     WHERE seq = OLD.visitor_seq;
    INSERT INTO event (kind, project_seq, visitor_seq, conversation_seq, conversation_id,
                       old_status, old_created_at, old_updated_at, old_last_interaction_at, old_closed_at,
                       old_is_human_handled, old_title_key, old_last_message_seq, old_waiting_since)
    VALUES ('conversation', OLD.project_seq, OLD.visitor_seq, OLD.seq, OLD.id,
            OLD.status, OLD.created_at, OLD.updated_at, OLD.last_interaction_at, OLD.closed_at,
            OLD.is_human_handled, OLD.title_key, OLD.last_message_seq, OLD.waiting_since);
    IF OLD.title IS NOT NULL THEN
        INSERT INTO search_backlog (seq) VALUES (-OLD.seq);
    END IF;
    -- The messages of a conversation in deleted_conversation are deleted in steps.
    IF NOT EXISTS (SELECT 1 FROM deleted_conversation WHERE seq = OLD.seq) THEN
        DELETE FROM message WHERE conversation_seq = OLD.seq;
    END IF;
    DELETE FROM notification WHERE conversation_seq = OLD.seq;
    DELETE FROM idempotency_key
     WHERE conversation_id = OLD.id
       AND caller IN ('project ' || OLD.project_seq, 'visitor ' || OLD.visitor_seq);
    UPDATE deleted_seq SET seq = OLD.seq WHERE table_name = 'conversation' AND seq < OLD.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER conversation_after_delete AFTER DELETE ON conversation
FOR EACH ROW EXECUTE FUNCTION conversation_after_delete();

-- The counts belong to the owner, so the owner must not change.
CREATE FUNCTION conversation_owner_is_fixed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a conversation keeps its project and its visitor';
END $$;
CREATE TRIGGER conversation_owner_is_fixed BEFORE UPDATE OF project_seq, visitor_seq ON conversation
FOR EACH ROW WHEN (OLD.project_seq <> NEW.project_seq OR OLD.visitor_seq <> NEW.visitor_seq)
EXECUTE FUNCTION conversation_owner_is_fixed();

-- A streaming answer is searched when it is complete.
CREATE FUNCTION message_after_insert() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_backlog (seq) VALUES (NEW.seq);
    RETURN NULL;
END $$;
CREATE TRIGGER message_after_insert AFTER INSERT ON message
FOR EACH ROW WHEN (NEW.status <> 'streaming' AND NEW.text <> '')
EXECUTE FUNCTION message_after_insert();

-- The growing text of an answer that is being streamed does not change lists.
CREATE FUNCTION message_after_update() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    owner RECORD;
BEGIN
    SELECT project_seq, visitor_seq, id INTO owner FROM conversation WHERE seq = NEW.conversation_seq;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE project SET list_version = list_version + 1 WHERE seq = owner.project_seq;
    UPDATE visitor SET list_version = list_version + 1 WHERE seq = owner.visitor_seq;
    INSERT INTO event (kind, project_seq, visitor_seq, conversation_seq, conversation_id,
                       message_seq, old_message_id, new_message_id, has_ended)
    VALUES ('message_update', owner.project_seq, owner.visitor_seq, NEW.conversation_seq, owner.id,
            NEW.seq, OLD.id, NEW.id, (OLD.status = 'streaming' AND NEW.status <> 'streaming')::INT);
    IF OLD.text <> NEW.text OR (OLD.status = 'streaming') <> (NEW.status = 'streaming') THEN
        INSERT INTO search_backlog (seq) VALUES (NEW.seq);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER message_after_update AFTER UPDATE ON message
FOR EACH ROW WHEN (OLD.status <> 'streaming' OR NEW.status <> 'streaming'
                   OR OLD.feedback IS DISTINCT FROM NEW.feedback)
EXECUTE FUNCTION message_after_update();

-- Does not change lists for messages that are deleted with their conversation: its row is
-- gone by then.
CREATE FUNCTION message_after_delete() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    owner RECORD;
BEGIN
    INSERT INTO search_backlog (seq) VALUES (OLD.seq);
    DELETE FROM answer_refusal WHERE message_seq = OLD.seq;
    SELECT project_seq, visitor_seq, id INTO owner FROM conversation WHERE seq = OLD.conversation_seq;
    IF FOUND THEN
        UPDATE project SET list_version = list_version + 1 WHERE seq = owner.project_seq;
        UPDATE visitor SET list_version = list_version + 1 WHERE seq = owner.visitor_seq;
        INSERT INTO event (kind, project_seq, visitor_seq, conversation_seq, conversation_id,
                           message_seq, old_message_id)
        VALUES ('message_delete', owner.project_seq, owner.visitor_seq, OLD.conversation_seq, owner.id,
                OLD.seq, OLD.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER message_after_delete AFTER DELETE ON message
FOR EACH ROW EXECUTE FUNCTION message_after_delete();

-- Lists may contain these columns of the visitors (docs/api-contract.md, D25).
CREATE FUNCTION visitor_after_update() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE project SET list_version = list_version + 1 WHERE seq = NEW.project_seq;
    UPDATE visitor SET list_version = list_version + 1 WHERE seq = NEW.seq;
    INSERT INTO event (kind, project_seq, visitor_seq) VALUES ('visitor', NEW.project_seq, NEW.seq);
    RETURN NULL;
END $$;
CREATE TRIGGER visitor_after_update
AFTER UPDATE OF external_id, name, avatar_url, email, phone, is_verified, blocked_at,
                is_email_verified ON visitor
FOR EACH ROW WHEN (
    OLD.external_id IS DISTINCT FROM NEW.external_id OR OLD.name IS DISTINCT FROM NEW.name
    OR OLD.avatar_url IS DISTINCT FROM NEW.avatar_url OR OLD.email IS DISTINCT FROM NEW.email
    OR OLD.phone IS DISTINCT FROM NEW.phone OR OLD.is_verified IS DISTINCT FROM NEW.is_verified
    OR OLD.blocked_at IS DISTINCT FROM NEW.blocked_at
    OR OLD.is_email_verified IS DISTINCT FROM NEW.is_email_verified)
EXECUTE FUNCTION visitor_after_update();

CREATE FUNCTION agent_after_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO event (kind, project_seq, agent_seq) VALUES ('agent', OLD.project_seq, OLD.seq);
    ELSE
        INSERT INTO event (kind, project_seq, agent_seq, is_away)
        VALUES ('agent', NEW.project_seq, NEW.seq, NEW.is_away);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER agent_after_change AFTER INSERT OR UPDATE OR DELETE ON agent
FOR EACH ROW EXECUTE FUNCTION agent_after_change();

-- Triggers that delete what no foreign key refers to.
CREATE FUNCTION visitor_after_delete() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM idempotency_key WHERE caller = 'visitor ' || OLD.seq;
    DELETE FROM idempotency_key
     WHERE caller IN (SELECT 'key ' || seq || ' ' || OLD.sa_vid FROM api_key
                       WHERE project_seq = OLD.project_seq);
    UPDATE deleted_seq SET seq = OLD.seq WHERE table_name = 'visitor' AND seq < OLD.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER visitor_after_delete AFTER DELETE ON visitor
FOR EACH ROW EXECUTE FUNCTION visitor_after_delete();

CREATE FUNCTION project_after_delete() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM idempotency_key WHERE caller = 'project ' || OLD.seq;
    UPDATE deleted_seq SET seq = OLD.seq WHERE table_name = 'project' AND seq < OLD.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER project_after_delete AFTER DELETE ON project
FOR EACH ROW EXECUTE FUNCTION project_after_delete();

-- passage_version counts the changed rows.
CREATE FUNCTION passage_after_insert() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE passage_version SET version = version + (SELECT count(*) FROM new_rows)
     WHERE EXISTS (SELECT 1 FROM new_rows);
    RETURN NULL;
END $$;
CREATE TRIGGER passage_after_insert AFTER INSERT ON passage
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION passage_after_insert();

CREATE FUNCTION passage_after_delete() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE passage_version SET version = version + (SELECT count(*) FROM old_rows)
     WHERE EXISTS (SELECT 1 FROM old_rows);
    RETURN NULL;
END $$;
CREATE TRIGGER passage_after_delete AFTER DELETE ON passage
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION passage_after_delete();

-- To change a passage, delete it and insert a new one.
CREATE FUNCTION passage_is_immutable() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a passage is replaced, not changed';
END $$;
CREATE TRIGGER passage_is_immutable BEFORE UPDATE ON passage
FOR EACH ROW EXECUTE FUNCTION passage_is_immutable();
