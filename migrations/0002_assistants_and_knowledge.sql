-- Migration 2: assistants, usage counts, idempotency keys, and what assistants
-- know (Q&As, documents, passages).

CREATE TABLE assistant (
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    name        TEXT NOT NULL,
    answerer    TEXT NOT NULL DEFAULT 'auto' CHECK (answerer IN ('auto', 'builtin', 'model')),
    prompt      TEXT,
    fallback    TEXT,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX assistant_by_id ON assistant (id);
CREATE INDEX assistant_by_project ON assistant (project_seq);

-- Each project that exists gets an assistant. The expression is a random UUID of
-- version 4.
INSERT INTO assistant (id, project_seq, name, created_at)
SELECT unhex(hex(randomblob(6)) || '4' || substr(hex(randomblob(2)), 2) ||
             '8' || substr(hex(randomblob(8)), 2)),
       seq, 'Assistant', created_at
  FROM project;

ALTER TABLE api_key ADD COLUMN assistant_seq INTEGER REFERENCES assistant (seq);
ALTER TABLE project ADD COLUMN plan TEXT;

CREATE INDEX message_streaming ON message (conversation_seq) WHERE status = 'streaming';

CREATE TABLE usage (
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    month       INTEGER NOT NULL,
    messages    INTEGER NOT NULL,
    PRIMARY KEY (project_seq, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE request (
    caller     TEXT NOT NULL,
    key        TEXT NOT NULL,
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    at         INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    body       BLOB,
    message_id BLOB,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_by_age ON request (at);

CREATE TABLE qna (
    seq           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL CHECK (length(id) = 16),
    project_seq   INTEGER NOT NULL REFERENCES project (seq),
    question      TEXT NOT NULL,
    answer        TEXT NOT NULL,
    is_published  INTEGER NOT NULL DEFAULT 1 CHECK (is_published IN (0, 1)),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    creator_name  TEXT,
    creator_image TEXT
) STRICT;
CREATE UNIQUE INDEX qna_by_id ON qna (id);
CREATE INDEX qna_by_project ON qna (project_seq, is_published, created_at, id);

CREATE TABLE document (
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    url         TEXT NOT NULL,
    title       TEXT NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    source      TEXT NOT NULL DEFAULT '',
    learned_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX document_by_id ON document (id);
CREATE UNIQUE INDEX document_by_url ON document (project_seq, url);

CREATE TABLE passage (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    project_seq  INTEGER NOT NULL REFERENCES project (seq),
    document_seq INTEGER REFERENCES document (seq) ON DELETE CASCADE,
    qna_seq      INTEGER REFERENCES qna (seq) ON DELETE CASCADE,
    title        TEXT NOT NULL,
    heading      TEXT NOT NULL,
    body         TEXT NOT NULL,
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
CREATE TRIGGER passage_stays BEFORE UPDATE ON passage BEGIN
    SELECT RAISE(ABORT, 'a passage is replaced, not changed');
END;
