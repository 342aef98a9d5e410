-- Migration 6: filters of lists by visitor and by human handling, the search index of
-- messages and titles, and the deletion of visitors and conversations.

-- Erasure: rows that a program without foreign keys left behind.
DELETE FROM conversation
 WHERE seq IN (SELECT seq FROM conversation WHERE visitor_seq NOT IN (SELECT seq FROM visitor)
                                               OR project_seq NOT IN (SELECT seq FROM project));
DELETE FROM message
 WHERE conversation_seq IN (SELECT conversation_seq FROM message
                            EXCEPT SELECT seq FROM conversation);
DELETE FROM session
 WHERE visitor_seq NOT IN (SELECT seq FROM visitor) OR key_seq NOT IN (SELECT seq FROM api_key);
DELETE FROM passage
 WHERE document_seq NOT IN (SELECT seq FROM document) OR qna_seq NOT IN (SELECT seq FROM qna);
DELETE FROM idempotency_key
 WHERE caller LIKE 'visitor %'
   AND CAST(substr(caller, 9) AS INTEGER) NOT IN (SELECT seq FROM visitor);

-- Filters: the counts of conversations that an agent handles.
ALTER TABLE project ADD COLUMN open_human_handled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE project ADD COLUMN closed_human_handled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE project ADD COLUMN message_quota INTEGER CHECK (message_quota BETWEEN 0 AND 1000000000);
ALTER TABLE visitor ADD COLUMN open_human_handled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE visitor ADD COLUMN closed_human_handled INTEGER NOT NULL DEFAULT 0;

UPDATE project SET open_human_handled = handled.open, closed_human_handled = handled.closed
  FROM (SELECT project_seq, sum(status = 'open') AS open, sum(status = 'closed') AS closed
          FROM conversation WHERE is_human_handled = 1 GROUP BY project_seq) AS handled
 WHERE handled.project_seq = project.seq;
UPDATE visitor SET open_human_handled = handled.open, closed_human_handled = handled.closed
  FROM (SELECT visitor_seq, sum(status = 'open') AS open, sum(status = 'closed') AS closed
          FROM conversation WHERE is_human_handled = 1 GROUP BY visitor_seq) AS handled
 WHERE handled.visitor_seq = visitor.seq;

DROP TRIGGER conversation_after_insert;
DROP TRIGGER conversation_after_update;
DROP TRIGGER conversation_after_delete;

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

-- Filters: indexes.
CREATE UNIQUE INDEX visitor_by_id ON visitor (project_seq, id);
DROP INDEX conversation_by_created;
DROP INDEX conversation_by_updated;
DROP INDEX conversation_by_interaction;
DROP INDEX conversation_by_closed;
DROP INDEX conversation_by_title;
DROP INDEX conversation_by_visitor;
CREATE INDEX conversation_by_created
    ON conversation (project_seq, status, created_at, id, is_human_handled);
CREATE INDEX conversation_by_updated
    ON conversation (project_seq, status, updated_at, id, is_human_handled);
CREATE INDEX conversation_by_interaction
    ON conversation (project_seq, status, last_interaction_at, id, is_human_handled);
CREATE INDEX conversation_by_closed ON conversation (project_seq, closed_at, id, is_human_handled)
    WHERE status = 'closed';
CREATE INDEX conversation_by_title
    ON conversation (project_seq, status, title_key, id, is_human_handled);
CREATE INDEX conversation_by_visitor
    ON conversation (visitor_seq, last_interaction_at, id, status, is_human_handled);
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

-- Lists with visitors change with the visitors.
CREATE TRIGGER visitor_after_update AFTER UPDATE OF external_id, name, avatar_url ON visitor
WHEN OLD.external_id IS NOT NEW.external_id OR OLD.name IS NOT NEW.name
  OR OLD.avatar_url IS NOT NEW.avatar_url BEGIN
    UPDATE project SET list_version = list_version + 1 WHERE seq = NEW.project_seq;
    UPDATE visitor SET list_version = list_version + 1 WHERE seq = NEW.seq;
END;

-- The search index.
CREATE TABLE search_progress (
    id               INTEGER PRIMARY KEY CHECK (id = 1),
    message_seq      INTEGER NOT NULL,
    conversation_seq INTEGER NOT NULL
) STRICT;
INSERT INTO search_progress VALUES (1, 0, 0);

CREATE TABLE search_backlog (
    seq INTEGER PRIMARY KEY
) STRICT;
CREATE VIEW searched_text (seq, text) AS
SELECT seq, text FROM message
UNION ALL
SELECT -seq, title FROM conversation WHERE title IS NOT NULL;
CREATE VIRTUAL TABLE search_text USING fts5 (
    text,
    content = 'searched_text', content_rowid = 'seq', columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2'
);

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

-- Erasure: row numbers are not used again.
CREATE TABLE deleted_conversation (
    seq INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE deleted_visitor (
    seq INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE deleted_seq (
    table_name TEXT PRIMARY KEY CHECK (table_name IN ('conversation', 'project', 'visitor')),
    seq        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO deleted_seq VALUES ('conversation', 0), ('project', 0), ('visitor', 0);

-- Erasure: what belongs to a deleted row.
CREATE INDEX session_by_visitor ON session (visitor_seq);
ALTER TABLE idempotency_key ADD COLUMN conversation_id BLOB;
CREATE INDEX idempotency_key_by_conversation ON idempotency_key (conversation_id)
    WHERE conversation_id IS NOT NULL;

CREATE TRIGGER conversation_delete_children AFTER DELETE ON conversation BEGIN
    DELETE FROM message
     WHERE conversation_seq = OLD.seq
       AND NOT EXISTS (SELECT 1 FROM deleted_conversation WHERE seq = OLD.seq);
    DELETE FROM idempotency_key
     WHERE conversation_id = OLD.id
       AND caller IN ('project ' || OLD.project_seq, 'visitor ' || OLD.visitor_seq);
    UPDATE deleted_seq SET seq = OLD.seq WHERE table_name = 'conversation' AND seq < OLD.seq;
END;

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
