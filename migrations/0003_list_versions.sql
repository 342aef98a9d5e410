-- Migration 3: a version for each project's list of conversations, and a smaller
-- index by closed_at.

-- The version is incremented at every change of one of the project's
-- conversations.
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

-- Open conversations have no closed_at. The index had a row for each of them and
-- gave the order by id, which conversation_by_status gives too.
DROP INDEX conversation_by_closed;
CREATE INDEX conversation_by_closed ON conversation (project_seq, closed_at, id)
    WHERE status = 'closed';
