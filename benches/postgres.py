"""Starts a PostgreSQL server for the measurements."""

import subprocess
import sys

# Everything that is committed is on the disk. The other settings are those that
# docs/scaling.md recommends, or keep checkpoints out of the measurements.
OPTIONS = "-c fsync=on -c shared_buffers=2GB -c max_wal_size=8GB"
START = f'. tests/lib.sh && start_postgres {OPTIONS} >&2 && echo "$postgres_url" && read -r _'


class Postgres:
    """A server with its data in a temporary folder. The `with` block ends it, and removes
    the data."""

    def __init__(self):
        # The script ends at the end of its input.
        self.process = subprocess.Popen(
            ["bash", "-c", START], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            sys.exit("PostgreSQL did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()

    def create_database(self, name):
        """The URL of a new database."""
        query(self.url, f"CREATE DATABASE {name}")
        return self.url.removesuffix("postgres") + name


def query(url, sql):
    """The first value of the result of a statement."""
    command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", sql, url]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
