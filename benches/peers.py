"""Peers: alternative servers with the same rows. Each returns the same page: the 10
newest open conversations, each with its last message, and the total."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import installs
from common import FOLDER, ROUNDS, digest, say
from installs import ENVIRONMENT, HOME, SOURCES, Missing
from loads import Load, median, wrk
from server import number_in
from table import at_least, row, thousands

# Required ratios of the rates at 1,000,000 rows: of the first page, at the offset.
FIRST_PAGE_RATIO, OFFSET_RATIO = 100, 500
# A server that needs this many seconds for a page gets fewer connections and longer
# runs. Otherwise many requests would not end within the run.
SLOW_PAGE = 0.05
SLOW_CONNECTIONS, SLOW_RUN_FACTOR = 4, 2


def measure(run):
    """Notes for the head of the table, and its rows."""
    peers, missing = installed()
    notes = [
        f"Peers: {'; '.join(peer.pinned for peer, _ in peers)}.",
        f"Express and FastAPI have {installs.CORES} processes, and memory counts all processes.",
        *missing,
    ]
    rows, offset = prepare_rows(run), min(100_000, run.rows // 100 * 10)
    own = measure_peer(run, installs.parlor(run), None, rows, offset)
    table, has_targets = parlor_rows(own, offset), run.rows >= 1_000_000
    record(run, "parlor", own, offset)
    for peer, folder in peers:
        try:
            convert_rows(peer, folder, rows)
            figures = measure_peer(run, peer, folder, rows, offset, own)
            table += peer_rows(peer, figures, own, offset, has_targets)
            record(run, peer.title, figures, offset)
        except (Missing, OSError) as why:
            notes.append(left_out(peer, why))
    notes.append("parlor runs without its list cache here.")
    slow_runs = f"{SLOW_CONNECTIONS} connections and runs of {SLOW_RUN_FACTOR * run.seconds} s"
    notes.append(f"\\* {slow_runs}, because one page took {1000 * SLOW_PAGE:.0f} ms or more.")
    return notes, table


def record(run, title, figures, offset):
    """Stores the rates for the plot."""
    run.results[f"peers/{title}/0"] = figures.first.load.rate
    run.results[f"peers/{title}/{offset}"] = figures.at_offset.load.rate


def installed():
    """The installed peers with their directories, and a note for each other peer."""
    peers, notes = [], []
    for peer in (make() for make in installs.PEERS):
        try:
            peers.append((peer, installs.installed(peer)))
        except Missing as why:
            notes.append(left_out(peer, why))
    return peers, notes


def left_out(peer, why):
    line = f"{peer.pinned} is left out: {why}."
    say(line)
    return line


# ── Rows ──


def prepare_rows(run):
    """The directory with the rows of the peers. TrailBase determines its layout."""
    version = digest(f"{SOURCES}/rows.sql")
    folder = FOLDER / f"peers-{run.large.stem}-{version}"
    file = folder / "data/main.db"
    if not file.exists():
        for old in FOLDER.glob(f"peers-demo-{run.rows}-*"):
            shutil.rmtree(old)
        say("copying the rows for the peers")
        file.parent.mkdir(parents=True)
        new = file.with_suffix(".new")
        copy_rows(run.large, new)
        new.rename(file)
    return folder


def copy_rows(large, new):
    rows = sqlite3.connect(f"file:{new}", uri=True, isolation_level=None)
    rows.create_function("uuid", 1, uuid, deterministic=True)
    rows.execute("PRAGMA journal_mode = OFF")
    rows.execute("PRAGMA synchronous = OFF")
    rows.execute("ATTACH ? AS demo", (f"file:{large}?mode=ro",))
    rows.executescript((SOURCES / "rows.sql").read_text())
    rows.execute("PRAGMA main.journal_mode = WAL")
    rows.close()
    # Otherwise the disk would still write the file during the measurement.
    with open(new, "rb") as file:
        os.fsync(file.fileno())


def convert_rows(peer, folder, rows):
    """Creates a database in the peer's own format, in <rows>/<peer>."""
    directory = rows / peer.name
    if not peer.convert or directory.exists():
        return
    say(f"converting the rows for {peer.title}")
    new = directory.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    with open(HOME / f"{peer.name}.log", "a") as log:
        installs.logged([*map(str, peer.convert(folder, rows)), str(new)], log)
    os.sync()
    new.rename(directory)


def uuid(id):
    text = id.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# ── Servers ──


class Running:
    """A server with its child processes. The `with` block ends them."""

    def __init__(self, peer, folder, rows):
        self.peer, self.port = peer, free_port()
        self.log = HOME / f"{peer.name}.out"
        command = [str(part) for part in peer.command(folder, rows, self.port)]
        start = time.monotonic()
        with open(self.log, "w") as log:
            streams = {"stdout": log, "stderr": log, "env": ENVIRONMENT}
            # The process group identifies the child processes.
            self.process = subprocess.Popen(command, start_new_session=True, **streams)
        try:
            self.wait(start + 60)
        except BaseException:
            self.__exit__()
            raise
        self.started = 1000 * (time.monotonic() - start)

    def wait(self, deadline):
        """Waits for the first page."""
        while True:
            try:
                return self.page(self.peer.path(0))
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Missing(f"it does not start, see {os.path.relpath(self.log)}") from None
            time.sleep(0.002)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        deadline = time.monotonic() + 10
        while self.process.poll() is None or list(self.processes()):
            if time.monotonic() > deadline:
                os.killpg(self.process.pid, signal.SIGKILL)
            time.sleep(0.01)

    def processes(self):
        """The running processes of the group."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(group) == self.process.pid and state != "Z":
                yield stat.parent

    def memory(self):
        """The memory of all processes in MB. Shared pages count once."""
        return sum(number_in(process / "smaps_rollup", "Pss") for process in self.processes()) / 1024

    def page(self, path):
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, headers=self.peer.headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return self.peer.read(json.loads(answer.read()))

    def load(self, run, path):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            self.page(path)
            times.append(time.perf_counter() - start)
        slow = min(times) >= SLOW_PAGE
        options = []
        if slow:
            seconds = SLOW_RUN_FACTOR * run.seconds
            options = ["-c", str(SLOW_CONNECTIONS), "-d", str(seconds)]
        for header in self.peer.headers.items():
            options += ["-H", ": ".join(header)]
        loads = [wrk(run, self.port, path, *options) for _ in range(ROUNDS)]
        return Pages(median(loads), slow)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


# ── Figures ──


class Pages(NamedTuple):
    """The result of a load of one page."""

    load: Load
    slow: bool

    def __str__(self):
        return f"{self.load}{' *' if self.slow else ''}"


class Figures(NamedTuple):
    # The totals and the rows of the first page and of the page at the offset.
    answers: list
    started: float
    idle: float
    loaded: float
    first: Pages
    at_offset: Pages
    # The page at the offset, with the optimized query.
    deep: Pages | None
    without_total: Pages | None


def measure_peer(run, peer, folder, rows, offset, own=None):
    say(f"measuring: {peer.title}")
    starts = []
    for _ in range(ROUNDS):
        with Running(peer, folder, rows) as server:
            starts.append(server.started)
    with Running(peer, folder, rows) as server:
        idle = server.memory()
        first, at_offset = peer.path(0), peer.path(offset)
        answers = [server.page(first), server.page(at_offset)]
        if own and answers != own.answers:
            raise Missing("its rows or its total differ from parlor")
        return Figures(
            answers=answers,
            started=statistics.median(starts),
            idle=idle,
            first=server.load(run, first),
            at_offset=server.load(run, at_offset),
            deep=load_optional(run, server, peer.deep, offset),
            without_total=load_optional(run, server, peer.without_total, 0),
            loaded=server.memory(),
        )


def load_optional(run, server, template, offset):
    return server.load(run, installs.Peer.at_offset(template, offset)) if template else None


def parlor_rows(own, offset):
    return [
        row("parlor: first page", str(own.first)),
        row(f"parlor: offset {thousands(offset)}", str(own.at_offset)),
        row("parlor: memory, idle and after", f"{own.idle:.1f} and {own.loaded:.1f} MB"),
        row("parlor: start to first page", f"{own.started:.0f} ms"),
    ]


def peer_rows(peer, figures, own, offset, has_targets):
    at_offset = f"{peer.title}: offset {thousands(offset)}"
    rows = [
        compare(f"{peer.title}: first page", figures.first, own.first, has_targets and FIRST_PAGE_RATIO),
        compare(at_offset, figures.at_offset, own.at_offset, has_targets and OFFSET_RATIO),
        row(
            f"{peer.title}: memory, idle and after",
            f"{figures.idle:.1f} and {figures.loaded:.1f} MB",
            f"{figures.loaded / own.loaded:.1f} × parlor's",
        ),
        row(
            f"{peer.title}: start to first page",
            f"{figures.started:.0f} ms",
            f"{figures.started / own.started:.1f} × parlor's",
        ),
    ]
    if figures.deep:
        title = f"{at_offset}, messages in a second query"
        rows.insert(2, compare(title, figures.deep, own.at_offset))
    if figures.without_total:
        title = f"{peer.title}: first page without total (parlor with total)"
        rows.insert(1, compare(title, figures.without_total, own.first))
    return rows


def compare(title, pages, own, required_ratio=None):
    """A row for a load, with the ratio of the rate of parlor to its rate."""
    ratio = own.load.rate / pages.load.rate
    text = f"parlor {ratio:,.{0 if ratio >= 10 else 1}f} ×"
    if not required_ratio:
        return row(title, str(pages), text)
    return row(title, str(pages), text, at_least(required_ratio, unit="×"), ratio)
