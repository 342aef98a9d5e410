-- Migration 8: descriptions of documents, reports of the runs of sources, and the vectors
-- of passages.

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
