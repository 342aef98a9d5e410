-- Migration 8: descriptions of documents, reports of the runs of sources, the vectors of
-- passages, and e-mail addresses that the website's server has set.

ALTER TABLE visitor ADD COLUMN is_email_verified INTEGER NOT NULL DEFAULT 0
    CHECK (is_email_verified IN (0, 1));
DROP TRIGGER visitor_after_update;
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

ALTER TABLE document ADD COLUMN description TEXT NOT NULL DEFAULT '';

ALTER TABLE source ADD COLUMN problems TEXT NOT NULL DEFAULT '[]';
ALTER TABLE source ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN interval_s INTEGER CHECK (interval_s > 0);

CREATE TABLE embedding (
    -- Vectors that an embedding model calculated from passages. They can be calculated again.
    model        TEXT NOT NULL, -- the model and how it is used; vectors of different models are not comparable
    passage_hash BLOB NOT NULL CHECK (length(passage_hash) = 32), -- SHA-256 of the title, heading and body of the passage
    part         INTEGER NOT NULL, -- number of the part, from 0; a passage longer than the limit of the model has several
    vector       BLOB NOT NULL, -- f32 scale (little-endian), then int8 components
    PRIMARY KEY (model, passage_hash, part)
) STRICT, WITHOUT ROWID;
