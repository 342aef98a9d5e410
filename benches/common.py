"""What the parts of benches/run share: tools, binaries, files."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
FOLDER = TARGET / "bench"
RESULTS = FOLDER / "results.json"
PARLOR = TARGET / "release/parlor"
EXAMPLES = TARGET / "release/examples"
SMALL, HUGE = 10_000, 10_000_000
ROUNDS = 3


def say(text):
    print(text, file=sys.stderr, flush=True)


def prepare():
    """The tools and the binaries."""
    if not shutil.which("wrk"):
        say("installing wrk")
        subprocess.run(["apt-get", "install", "-y", "wrk"], capture_output=True)
    for tool in ("cargo", "wrk"):
        if not shutil.which(tool):
            sys.exit(f"benches/run needs {tool}: install it and run this again")
    say("building")
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--bins", "--examples"]
    subprocess.run(build, check=True)
    FOLDER.mkdir(parents=True, exist_ok=True)


def digest(*patterns):
    """Of all files that match: another one, other files."""
    names = sorted(name for pattern in patterns for name in Path().glob(pattern) if name.is_file())
    whole = hashlib.sha256(b"".join(name.read_bytes() for name in names))
    return whole.hexdigest()[:12]


class Run:
    """One run: what it was asked for, its files, each made when first used, and
    its results, a number for each name."""

    def __init__(self, rows, seconds, growth, folder):
        self.rows, self.seconds, self.folder = rows, seconds, folder
        self.sizes = sorted({SMALL, rows, HUGE} if growth else {SMALL, rows})
        self.results = {"rows": rows}
        self.copied = None

    @property
    def files(self):
        """A file of each size, the smallest first."""
        return {rows: read_once(made(rows)) for rows in self.sizes}

    @property
    def large(self):
        return made(self.rows)

    @property
    def copy(self):
        """A copy of the large file that may be written to, with 10,000 passages."""
        if not self.copied:
            large = learned(self.large)
            self.copied = self.folder / "copy.db"
            subprocess.run(["cp", "--reflink=auto", large, self.copied], check=True)
            # Else the disk would be busy with it while writes are measured.
            with open(self.copied, "rb") as file:
                os.fsync(file.fileno())
        return self.copied


def read_once(file):
    """So that a load finds in memory whatever has room there."""
    with open(file, "rb", buffering=0) as whole:
        while whole.read(1 << 24):
            pass
    return file


def made(rows):
    """A file with so many conversations. It is made once, and again when what
    makes it has changed; how long that took stands beside it."""
    of = digest("schema.sql", "migrations/*", "src/demo/**/*", "src/cli/demo.rs")
    file = FOLDER / f"demo-{rows}-{of}.db"
    if not seconds_of(file).exists():
        for old in FOLDER.glob(f"demo-{rows}-*"):
            old.unlink()
        say(f"making {rows} conversations")
        began = time.monotonic()
        make = [PARLOR, "demo", "--no-serve", "--db", file, "--conversations", str(rows)]
        subprocess.run(make, check=True, stdout=sys.stderr, timeout=3600)
        seconds_of(file).write_text(f"{time.monotonic() - began:.3f}")
    return file


def seconds_of(file):
    return file.with_suffix(".seconds")


def learned(file):
    """The same file, once the made-up help centre is in it."""
    of = digest("benches/help_centre.rs", "benches/sending.rs", "src/store/document.rs")
    mark = file.with_suffix(".learned")
    if not mark.exists() or mark.read_text() != of:
        say("teaching it 10,000 passages")
        subprocess.run([EXAMPLES / "sending", "learn", file], check=True, timeout=300)
        mark.write_text(of)
    return file
