"""Creates PocketBase's database from the rows of the peers.

load.py POCKETBASE ROWS DIRECTORY
"""

import sqlite3
import subprocess
import sys
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parent / "pb_migrations"

# An id of PocketBase is a text of 15 characters.
INSERT = """
INSERT INTO message (id, uuid, chat_uuid, created_at, role, text, status, error, feedback,
                     feedback_at, metadata, agent_name, agent_image, page_url, page_title,
                     text_selection)
SELECT printf('%015d', id), uuid, chat_uuid, created_at, role, text, status, coalesce(error, ''),
       coalesce(feedback, ''), coalesce(feedback_at, 0), coalesce(metadata, ''),
       coalesce(agent_name, ''), coalesce(agent_image, ''), coalesce(page_url, ''),
       coalesce(page_title, ''), coalesce(text_selection, '')
  FROM peers.message ORDER BY id;
INSERT INTO conversation (id, uuid, created_at, updated_at, status, closed_at, close_reason,
                          last_interaction_at, is_human_handled, agent_name, agent_image, title,
                          last_message)
SELECT printf('%015d', id), uuid, created_at, updated_at, status, coalesce(closed_at, 0),
       coalesce(close_reason, ''), last_interaction_at, is_human_handled,
       coalesce(agent_name, ''), coalesce(agent_image, ''), coalesce(title, ''),
       coalesce(printf('%015d', last_message), '')
  FROM peers.conversation ORDER BY id;
ANALYZE main;
"""


def main(pocketbase, rows, directory):
    options = ["--dir", directory, "--migrationsDir", MIGRATIONS]
    subprocess.run([pocketbase, "migrate", "up", *options], check=True)
    # Without a superuser, each start creates an installation link.
    superuser = ["superuser", "upsert", "peer@example.com", "not-a-secret"]
    subprocess.run([pocketbase, *superuser, *options], check=True)
    database = sqlite3.connect(Path(directory) / "data.db", isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("ATTACH ? AS peers", (str(Path(rows) / "data/main.db"),))
    database.executescript(f"BEGIN; {INSERT} COMMIT;")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
