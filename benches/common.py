"""Shared by the parts of benches/run: tools, programs and databases."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
FOLDER = TARGET / "bench"
RESULTS = FOLDER / "results.json"
LOAD_GENERATORS = ("ceiling", "pace", "pages", "sending", "sockets", "upstream")
programs = {}
SMALL, HUGE = 10_000, 10_000_000
ROUNDS = 3


def say(text):
    print(text, file=sys.stderr, flush=True)


def program(name):
    """The path of parlor or of a load generator, as cargo reported it."""
    return programs[name]


def prepare(dev):
    """Installs the tools and builds the programs."""
    if not shutil.which("wrk"):
        say("installing wrk")
        subprocess.run(["apt-get", "install", "-y", "wrk"], capture_output=True)
    for tool in ("cargo", "wrk"):
        if not shutil.which(tool):
            sys.exit(f"benches/run needs {tool}: install it and run this again")
    say("building")
    programs.update(build(dev))
    FOLDER.mkdir(parents=True, exist_ok=True)


def build(dev):
    """Builds parlor and the load generators; their paths by name."""
    command = ["cargo", "build", "--profile", "dev" if dev else "release"]
    command += ["--locked", "--quiet", "--bin", "parlor"]
    for name in LOAD_GENERATORS:
        command += ["--bench", name]
    command += ["--message-format", "json-render-diagnostics"]
    messages = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = map(json.loads, messages.splitlines())
    return {
        artifact["target"]["name"]: Path(artifact["executable"])
        for artifact in artifacts
        if artifact["reason"] == "compiler-artifact" and artifact["executable"]
    }


def digest(*patterns):
    """A hash of the contents of all files that match."""
    names = sorted(name for pattern in patterns for name in Path().glob(pattern) if name.is_file())
    whole = hashlib.sha256(b"".join(name.read_bytes() for name in names))
    return whole.hexdigest()[:12]


class Run:
    """The arguments of one run, its databases, each created when it is first used,
    and its results, a number for each name."""

    def __init__(self, rows, seconds, growth, folder):
        self.rows, self.seconds, self.folder = rows, seconds, folder
        self.sizes = sorted({SMALL, rows, HUGE} if growth else {SMALL, rows})
        self.results = {"rows": rows}
        self.copied = None

    @property
    def files(self):
        """A database of each size, the smallest first."""
        return {rows: read_once(create_demo(rows)) for rows in self.sizes}

    @property
    def large(self):
        return create_demo(self.rows)

    @property
    def copy(self):
        """A writable copy of the large database, with 10,000 passages."""
        if not self.copied:
            large = add_passages(self.large)
            self.copied = self.folder / "copy.db"
            subprocess.run(["cp", "--reflink=auto", large, self.copied], check=True)
            # Otherwise the disk would still write the copy during the measurement.
            with open(self.copied, "rb") as file:
                os.fsync(file.fileno())
        return self.copied


def read_once(file):
    """Reads a file, so that it is in the page cache."""
    with open(file, "rb", buffering=0) as whole:
        while whole.read(1 << 24):
            pass
    return file


def create_demo(rows):
    """A demo database with this number of conversations. It is created again when
    its sources have changed. A file beside it has the duration in seconds."""
    version = digest("schema.sql", "migrations/*", "src/demo/**/*", "src/cli/demo.rs")
    file = FOLDER / f"demo-{rows}-{version}.db"
    if not seconds_of(file).exists():
        for old in FOLDER.glob(f"demo-{rows}-*"):
            old.unlink()
        say(f"creating {rows} conversations")
        began = time.monotonic()
        command = [program("parlor"), "demo", "--no-serve", "--db", file, "--conversations", str(rows)]
        subprocess.run(command, check=True, stdout=sys.stderr, timeout=3600)
        seconds_of(file).write_text(f"{time.monotonic() - began:.3f}")
    return file


def seconds_of(file):
    return file.with_suffix(".seconds")


def add_passages(file):
    """Adds the generated help centre to a database. Returns the database."""
    version = digest("benches/help_centre.rs", "benches/sending.rs", "src/store/document.rs")
    mark = file.with_suffix(".learned")
    if not mark.exists() or mark.read_text() != version:
        say("adding 10,000 passages")
        subprocess.run([program("sending"), "learn", file], check=True, timeout=300)
        mark.write_text(version)
    return file
