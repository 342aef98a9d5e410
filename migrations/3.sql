-- Migration 3: pages at any depth.
-- The conventions are those of schema.sql.

-- Grows with every change of one of the project's conversations: what is kept
-- in memory of their orders is of one version, and a snapshot tells of which.
ALTER TABLE project ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER conversation_added;
CREATE TRIGGER conversation_added AFTER INSERT ON conversation BEGIN
    UPDATE project SET open_conversations = open_conversations + (NEW.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed'),
                       version = version + 1
     WHERE seq = NEW.project_seq;
    UPDATE visitor SET open_conversations = open_conversations + (NEW.status = 'open'),
                       closed_conversations = closed_conversations + (NEW.status = 'closed')
     WHERE seq = NEW.visitor_seq;
END;

DROP TRIGGER conversation_removed;
CREATE TRIGGER conversation_removed AFTER DELETE ON conversation BEGIN
    UPDATE project SET open_conversations = open_conversations - (OLD.status = 'open'),
                       closed_conversations = closed_conversations - (OLD.status = 'closed'),
                       version = version + 1
     WHERE seq = OLD.project_seq;
    UPDATE visitor SET open_conversations = open_conversations - (OLD.status = 'open'),
                       closed_conversations = closed_conversations - (OLD.status = 'closed')
     WHERE seq = OLD.visitor_seq;
END;

CREATE TRIGGER conversation_changed AFTER UPDATE ON conversation BEGIN
    UPDATE project SET version = version + 1 WHERE seq = NEW.project_seq;
END;

-- The open ones have no closed_at: their rows in this index were as many places
-- to write to, and gave the order by id that conversation_by_status has.
DROP INDEX conversation_by_closed;
CREATE INDEX conversation_by_closed ON conversation (project_seq, closed_at, id)
    WHERE status = 'closed';
