"""What the parts of benches/run share: tools, files, servers, loads, figures."""

import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
FOLDER = TARGET / "bench"
PARLOR = TARGET / "release/parlor"
EXAMPLES = TARGET / "release/examples"
SMALL = 10_000
ROUNDS = 3

# Requests that failed, of all loads together.
failed = 0


def say(text):
    print(text, file=sys.stderr, flush=True)


# ── Tools and files ──


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
    """One run: what it was asked for, and its files, each made when first used."""

    def __init__(self, rows, seconds, folder):
        self.rows, self.seconds, self.folder = rows, seconds, folder
        self.copied = None

    @property
    def large(self):
        return made(self.rows)

    @property
    def small(self):
        return made(SMALL)

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
        subprocess.run(make, check=True, stdout=sys.stderr, timeout=900)
        seconds_of(file).write_text(f"{time.monotonic() - began:.3f}")
    return file


def seconds_of(file):
    return file.with_suffix(".seconds")


def learned(file):
    """The same file, once the made-up help centre is in it."""
    of = digest("benches/language.rs", "benches/sending.rs", "src/db/document.rs")
    mark = file.with_suffix(".learned")
    if not mark.exists() or mark.read_text() != of:
        say("teaching it 10,000 passages")
        subprocess.run([EXAMPLES / "sending", "learn", file], check=True, timeout=300)
        mark.write_text(of)
    return file


# ── Servers ──


class Server:
    """A server that prints where it listens; it ends with the `with` block."""

    def __init__(self, *command, **environment):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, **environment},
        )
        self.port = self.listening()
        if not self.port:
            self.process.kill()
            self.errors.seek(0)
            sys.exit(f"{command[0]} did not start:\n{self.errors.read()}")

    def listening(self):
        impatience = threading.Timer(30, self.process.kill)
        impatience.start()
        try:
            for line in self.process.stdout:
                if found := re.search(r" listens on http://127\.0\.0\.1:(\d+)", line):
                    return int(found[1])
        finally:
            impatience.cancel()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def memory(self):
        """Resident, in MB."""
        return number_in(f"/proc/{self.process.pid}/status", "VmRSS") / 1024

    def get(self, path, **headers):
        return self.answer(urllib.request.Request(self.url(path), headers=headers))

    def session(self, visitor):
        """A visitor's token."""
        body = json.dumps({"apiKey": "pk_demo", "saVid": visitor}).encode()
        headers = {"Content-Type": "application/json"}
        begin = urllib.request.Request(self.url("/v2/identity/init"), body, headers)
        return json.loads(self.answer(begin)[0])["sessionToken"]

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    @staticmethod
    def answer(request):
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read(), answer.headers


def serve(file):
    """parlor over a file, without rate limits."""
    listen = ("--listen", "127.0.0.1:0", "--db", file)
    return Server(PARLOR, "demo", *listen, PARLOR_RATE_LIMIT="0")


def number_in(file, name):
    """The number that stands behind a name in a file of the system's."""
    found = re.search(rf"^{name}:\s*(\d+)", Path(file).read_text(), re.MULTILINE)
    return int(found[1])


def processor():
    found = re.search(r"^model name\s*: *(.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else "unknown processor"


# ── Loads ──


class Load(NamedTuple):
    """What one run of a load gave: requests a second, milliseconds."""

    rate: float
    p50: float
    p99: float

    def __str__(self):
        return f"{thousands(self.rate)} req/s, p50 {self.p50:.3f} ms, p99 {self.p99:.3f} ms"


def middle(loads):
    """The median of each figure."""
    return Load(*(statistics.median(column) for column in zip(*loads)))


def wrk(run, port, path, *options, **environment):
    command = ["wrk", "-t", "2", "-c", "32", "-d", str(run.seconds), "--timeout", "10s"]
    command += ["-s", "benches/wrk.lua", *options, f"http://127.0.0.1:{port}{path}"]
    told = output(run, command, **environment)
    result = re.search(r"^RESULT (.*)$", told, re.MULTILINE)
    if not result:
        sys.exit(f"{path}: wrk gave no result:\n{told}")
    rate, p50, p99, lost = map(float, result[1].split())
    count_failed(lost)
    return Load(rate, p50, p99)


def output(run, command, **environment):
    told = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        timeout=run.seconds + 120,
        env={**os.environ, **environment},
    )
    if told.returncode:
        sys.exit(f"{command[0]} failed")
    return told.stdout


def count_failed(more):
    global failed
    failed += int(more)


# ── Rows of the table ──

HEAD = ("measure", "figure", "ratio", "target", "met")


def thousands(number):
    return f"{number:,.0f}"


def row(measure, figure, ratio="–", target="–", met="–"):
    return (measure, figure, ratio, target, met)


def at_most(value, limit):
    return "yes" if value <= limit else "**no**"


def at_least(value, limit):
    return "yes" if value >= limit else "**no**"


def limited(measure, value, limit, unit, digits=0):
    """A row for a value that is compared with its limit alone."""
    return row(
        measure,
        f"{value:,.{digits}f} {unit}",
        target=f"≤ {limit:,} {unit}",
        met=at_most(value, limit),
    )
