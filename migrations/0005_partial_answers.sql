-- Migration 5: the text of an answer is stored while it is streamed. Lists change when
-- the answer ends.

DROP TRIGGER message_after_update;
CREATE TRIGGER message_after_update AFTER UPDATE ON message
WHEN OLD.status <> 'streaming' OR NEW.status <> 'streaming' OR OLD.feedback IS NOT NEW.feedback BEGIN
    UPDATE project SET list_version = list_version + 1
     WHERE seq = (SELECT project_seq FROM conversation WHERE seq = NEW.conversation_seq);
    UPDATE visitor SET list_version = list_version + 1
     WHERE seq = (SELECT visitor_seq FROM conversation WHERE seq = NEW.conversation_seq);
END;
