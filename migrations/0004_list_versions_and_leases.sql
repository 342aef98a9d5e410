-- Migration 4: stored versions for the lists of projects and of visitors, leases
-- for answers that are being written, and names that say what they hold.

-- Names.
ALTER TABLE request RENAME TO idempotency_key;
ALTER TABLE idempotency_key RENAME COLUMN hash TO request_hash;
ALTER TABLE idempotency_key RENAME COLUMN at TO created_at;
DROP INDEX request_by_age;
CREATE INDEX idempotency_key_by_created_at ON idempotency_key (created_at);
CREATE INDEX idempotency_key_by_message ON idempotency_key (message_id)
    WHERE message_id IS NOT NULL;
ALTER TABLE assistant RENAME COLUMN answerer TO mode;
ALTER TABLE project RENAME COLUMN version TO list_version;
ALTER TABLE knowledge RENAME TO passage_version;
ALTER TABLE passage_version RENAME COLUMN one TO id;

-- List versions: a change of a message counts too, and visitors have a version.
ALTER TABLE visitor ADD COLUMN list_version INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER conversation_added;
DROP TRIGGER conversation_removed;
DROP TRIGGER conversation_changed_status;
DROP TRIGGER conversation_changed;
DROP TRIGGER conversation_keeps_owner;

CREATE TRIGGER conversation_after_insert AFTER INSERT ON conversation BEGIN
    UPDATE project SET open_conversations = open_conversations + (NEW.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed'),
                       list_version = list_version + 1
     WHERE seq = NEW.project_seq;
    UPDATE visitor SET open_conversations = open_conversations + (NEW.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed'),
                       list_version = list_version + 1
     WHERE seq = NEW.visitor_seq;
END;

CREATE TRIGGER conversation_after_update AFTER UPDATE ON conversation BEGIN
    UPDATE project SET open_conversations = open_conversations + (NEW.status = 'open') - (OLD.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed') - (OLD.status = 'closed'),
                       list_version = list_version + 1
     WHERE seq = NEW.project_seq;
    UPDATE visitor SET open_conversations = open_conversations + (NEW.status = 'open') - (OLD.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed') - (OLD.status = 'closed'),
                       list_version = list_version + 1
     WHERE seq = NEW.visitor_seq;
END;

CREATE TRIGGER conversation_after_delete AFTER DELETE ON conversation BEGIN
    UPDATE project SET open_conversations = open_conversations - (OLD.status = 'open'),
                       closed_conversations = closed_conversations - (OLD.status = 'closed'),
                       list_version = list_version + 1
     WHERE seq = OLD.project_seq;
    UPDATE visitor SET open_conversations = open_conversations - (OLD.status = 'open'),
                       closed_conversations = closed_conversations - (OLD.status = 'closed'),
                       list_version = list_version + 1
     WHERE seq = OLD.visitor_seq;
END;

CREATE TRIGGER conversation_owner_is_fixed BEFORE UPDATE OF project_seq, visitor_seq ON conversation
WHEN OLD.project_seq <> NEW.project_seq OR OLD.visitor_seq <> NEW.visitor_seq BEGIN
    SELECT RAISE(ABORT, 'a conversation keeps its project and its visitor');
END;

CREATE TRIGGER message_after_update AFTER UPDATE ON message BEGIN
    UPDATE project SET list_version = list_version + 1
     WHERE seq = (SELECT project_seq FROM conversation WHERE seq = NEW.conversation_seq);
    UPDATE visitor SET list_version = list_version + 1
     WHERE seq = (SELECT visitor_seq FROM conversation WHERE seq = NEW.conversation_seq);
END;

CREATE TRIGGER message_after_delete AFTER DELETE ON message BEGIN
    UPDATE project SET list_version = list_version + 1
     WHERE seq = (SELECT project_seq FROM conversation WHERE seq = OLD.conversation_seq);
    UPDATE visitor SET list_version = list_version + 1
     WHERE seq = (SELECT visitor_seq FROM conversation WHERE seq = OLD.conversation_seq);
END;

DROP TRIGGER passage_added;
DROP TRIGGER passage_removed;
DROP TRIGGER passage_stays;

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

CREATE TRIGGER passage_is_immutable BEFORE UPDATE ON passage BEGIN
    SELECT RAISE(ABORT, 'a passage is replaced, not changed');
END;

-- Leases.
CREATE TABLE process (
    id               BLOB PRIMARY KEY CHECK (length(id) = 16),
    pid              INTEGER NOT NULL,
    pid_namespace    INTEGER,
    lease_expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE message ADD COLUMN owner BLOB;
