-- Migration 2: who answers, what they know, and requests that may come twice.
-- The conventions are those of schema.sql.

-- Who answers a project's visitors. The first of a project is its default.
CREATE TABLE assistant (
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    name        TEXT NOT NULL,
    answerer    TEXT NOT NULL DEFAULT 'auto' CHECK (answerer IN ('auto', 'builtin', 'model')),
    prompt      TEXT, -- what the model is told first; null: parlor's own words
    fallback    TEXT, -- what is said where nothing is known; null: parlor's own words
    created_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX assistant_by_id ON assistant (id);
CREATE INDEX assistant_by_project ON assistant (project_seq);

-- Every project has an assistant; those that are there get theirs now (a random
-- UUID of version 4).
INSERT INTO assistant (id, project_seq, name, created_at)
SELECT unhex(hex(randomblob(6)) || '4' || substr(hex(randomblob(2)), 2) ||
             '8' || substr(hex(randomblob(8)), 2)),
       seq, 'Assistant', created_at
  FROM project;

-- Null: the project's default assistant.
ALTER TABLE api_key ADD COLUMN assistant_seq INTEGER REFERENCES assistant (seq);
-- Null: plans are not sold here, everything is allowed.
ALTER TABLE project ADD COLUMN plan TEXT;

-- The answer being written is always the newest message of its conversation.
-- After a crash those that were left are found here.
CREATE INDEX message_streaming ON message (conversation_seq) WHERE status = 'streaming';

-- Messages that visitors sent, by calendar month (UTC), counted from 1970-01.
CREATE TABLE usage (
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    month       INTEGER NOT NULL,
    messages    INTEGER NOT NULL,
    PRIMARY KEY (project_seq, month)
) STRICT, WITHOUT ROWID;

-- Unsafe requests that came with an Idempotency-Key, kept for a day.
CREATE TABLE request (
    caller     TEXT NOT NULL,
    key        TEXT NOT NULL,
    hash       BLOB NOT NULL CHECK (length(hash) = 32), -- SHA-256 of method, path and body
    at         INTEGER NOT NULL,
    status     INTEGER NOT NULL, -- what was answered
    body       BLOB,             -- …; null: the answer is made again from the message
    message_id BLOB,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_by_age ON request (at);

-- What the project knows: questions with their answers, and pages.
CREATE TABLE qna (
    seq           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL CHECK (length(id) = 16),
    project_seq   INTEGER NOT NULL REFERENCES project (seq),
    question      TEXT NOT NULL,
    answer        TEXT NOT NULL, -- Markdown
    is_published  INTEGER NOT NULL DEFAULT 1 CHECK (is_published IN (0, 1)),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    creator_name  TEXT,
    creator_image TEXT
) STRICT;
CREATE UNIQUE INDEX qna_by_id ON qna (id);
-- Newest first, the published ones apart.
CREATE INDEX qna_by_project ON qna (project_seq, is_published, created_at, id);

CREATE TABLE document (
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    url         TEXT NOT NULL, -- where it stands; for a file without an address, file:RELATIVE/PATH
    title       TEXT NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32), -- of what it was learned from
    source      TEXT NOT NULL DEFAULT '', -- what it was learned with: a folder, a site; '': the API
    learned_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX document_by_id ON document (id);
CREATE UNIQUE INDEX document_by_url ON document (project_seq, url);

-- What is searched: a document's sections, and each published Q&A. A number is
-- never given twice: what is kept in memory of a passage is known by it.
CREATE TABLE passage (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    project_seq  INTEGER NOT NULL REFERENCES project (seq),
    document_seq INTEGER REFERENCES document (seq) ON DELETE CASCADE,
    qna_seq      INTEGER REFERENCES qna (seq) ON DELETE CASCADE,
    title        TEXT NOT NULL, -- the document's; a Q&A's question
    heading      TEXT NOT NULL, -- the section's; '' where it has none
    body         TEXT NOT NULL, -- Markdown
    CHECK ((document_seq IS NULL) <> (qna_seq IS NULL))
) STRICT;
CREATE INDEX passage_by_project ON passage (project_seq);
CREATE INDEX passage_by_document ON passage (document_seq) WHERE document_seq IS NOT NULL;
CREATE UNIQUE INDEX passage_by_qna ON passage (qna_seq) WHERE qna_seq IS NOT NULL;

CREATE VIRTUAL TABLE passage_text USING fts5 (
    title, heading, body,
    content = 'passage', content_rowid = 'seq',
    tokenize = 'unicode61 remove_diacritics 2'
);

-- Grows with every change of a passage: what was worked out from them is
-- worked out again.
CREATE TABLE knowledge (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO knowledge VALUES (1, 0);

CREATE TRIGGER passage_added AFTER INSERT ON passage BEGIN
    INSERT INTO passage_text (rowid, title, heading, body)
    VALUES (NEW.seq, NEW.title, NEW.heading, NEW.body);
    UPDATE knowledge SET version = version + 1;
END;
CREATE TRIGGER passage_removed AFTER DELETE ON passage BEGIN
    INSERT INTO passage_text (passage_text, rowid, title, heading, body)
    VALUES ('delete', OLD.seq, OLD.title, OLD.heading, OLD.body);
    UPDATE knowledge SET version = version + 1;
END;
-- A passage that changes is removed and added again.
CREATE TRIGGER passage_stays BEFORE UPDATE ON passage BEGIN
    SELECT RAISE(ABORT, 'a passage is replaced, not changed');
END;
