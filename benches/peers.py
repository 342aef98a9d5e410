"""Peers: what one could run instead, asked for the same pages of the same rows:
the 10 newest open conversations, each with its last message, and the total."""

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
from loads import Load, middle, wrk
from server import number_in
from table import at_least, row, thousands

# How many times as many pages parlor must give, of a million rows.
AT_FIRST, BEHIND = 100, 500
# A server that takes so long for one page is asked by fewer, for longer: else
# much of what it did would not be finished when the time is over.
SLOW, FEW, LONGER = 0.05, 4, 2


def measure(run):
    """Notes for the head of the table, and its rows."""
    peers, missing = installed()
    notes = [
        f"Peers: {'; '.join(peer.pinned for peer, _ in peers)}.",
        f"Express and FastAPI have {installs.CORES} processes, and memory is that of all processes.",
        *missing,
    ]
    rows, offset = laid_out(run), min(100_000, run.rows // 10)
    own = figures(run, installs.parlor(run), None, rows, offset)
    table, targets = of_parlor(own, offset), run.rows >= 1_000_000
    note(run, "parlor", own, offset)
    for peer, folder in peers:
        try:
            of_peer = figures(run, peer, folder, rows, offset, own)
            table += compared(peer, of_peer, own, offset, targets)
            note(run, peer.title, of_peer, offset)
        except (Missing, OSError) as why:
            notes.append(left_out(peer, why))
    notes.append("parlor keeps no answers here: it makes each page anew.")
    few = f"{FEW} connections and runs of {LONGER * run.seconds} s"
    notes.append(f"Figures with a * are of {few}: one page took {1000 * SLOW:.0f} ms or more.")
    return notes, table


def note(run, title, its, offset):
    """Leaves the rates for the plot."""
    run.results[f"peers/{title}/0"] = its.first.load.rate
    run.results[f"peers/{title}/{offset}"] = its.behind.load.rate


def installed():
    """The peers with their folders, and a line for each that can't be had."""
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


def laid_out(run):
    """The folder with the peers' rows. Its layout is TrailBase's, the only one of
    them that wants a certain one."""
    of = digest(f"{SOURCES}/rows.sql")
    folder = FOLDER / f"peers-{run.large.stem}-{of}"
    file = folder / "data/main.db"
    if not file.exists():
        for old in FOLDER.glob(f"peers-demo-{run.rows}-*"):
            shutil.rmtree(old)
        say("laying the rows out for the peers")
        file.parent.mkdir(parents=True)
        new = file.with_suffix(".new")
        lay_out(run.large, new)
        new.rename(file)
    return folder


def lay_out(large, new):
    rows = sqlite3.connect(f"file:{new}", uri=True, isolation_level=None)
    rows.create_function("uuid", 1, uuid, deterministic=True)
    rows.execute("PRAGMA journal_mode = OFF")
    rows.execute("PRAGMA synchronous = OFF")
    rows.execute("ATTACH ? AS demo", (f"file:{large}?mode=ro",))
    rows.executescript((SOURCES / "rows.sql").read_text())
    rows.execute("PRAGMA main.journal_mode = WAL")
    rows.close()
    # Else the disk would be busy with it while servers are measured.
    with open(new, "rb") as file:
        os.fsync(file.fileno())


def uuid(id):
    text = id.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# ── Servers ──


class Running:
    """A server with the processes that it starts; all end with the `with` block."""

    def __init__(self, peer, folder, rows):
        self.peer, self.port = peer, free_port()
        self.log = HOME / f"{peer.name}.out"
        command = [str(part) for part in peer.command(folder, rows, self.port)]
        began = time.monotonic()
        with open(self.log, "w") as log:
            streams = {"stdout": log, "stderr": log, "env": ENVIRONMENT}
            # A group of its own: that is how its processes are found again.
            self.process = subprocess.Popen(command, start_new_session=True, **streams)
        try:
            self.wait(began + 60)
        except BaseException:
            self.__exit__()
            raise
        self.started = 1000 * (time.monotonic() - began)

    def wait(self, deadline):
        """For the first page."""
        while True:
            try:
                return self.page(self.peer.page.format(0))
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
        """The processes of its group that haven't ended."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(group) == self.process.pid and state != "Z":
                yield stat.parent

    def memory(self):
        """Of all processes in MB, what they share counted once."""
        return sum(number_in(process / "smaps_rollup", "Pss") for process in self.processes()) / 1024

    def page(self, path):
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, headers=self.peer.headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return self.peer.read(json.loads(answer.read()))

    def load(self, run, path):
        times = []
        for _ in range(3):
            began = time.perf_counter()
            self.page(path)
            times.append(time.perf_counter() - began)
        slow = min(times) >= SLOW
        options = ["-c", str(FEW), "-d", str(LONGER * run.seconds)] if slow else []
        for header in self.peer.headers.items():
            options += ["-H", ": ".join(header)]
        loads = [wrk(run, self.port, path, *options) for _ in range(ROUNDS)]
        return Pages(middle(loads), slow)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


# ── Figures ──


class Pages(NamedTuple):
    """What a load of one page gave."""

    load: Load
    slow: bool

    def __str__(self):
        return f"{self.load}{' *' if self.slow else ''}"


class Figures(NamedTuple):
    # The totals and the rows of both pages.
    answers: list
    started: float
    idle: float
    loaded: float
    first: Pages
    behind: Pages
    # The page behind, asked for the better way.
    deep: Pages | None


def figures(run, peer, folder, rows, offset, own=None):
    say(f"measuring: {peer.title}")
    starts = []
    for _ in range(ROUNDS):
        with Running(peer, folder, rows) as server:
            starts.append(server.started)
    with Running(peer, folder, rows) as server:
        idle = server.memory()
        first, behind = (peer.page.format(skipped) for skipped in (0, offset))
        answers = [server.page(first), server.page(behind)]
        if own and answers != own.answers:
            raise Missing("it gives other rows than parlor, or another total")
        return Figures(
            answers=answers,
            started=statistics.median(starts),
            idle=idle,
            first=server.load(run, first),
            behind=server.load(run, behind),
            deep=server.load(run, peer.deep.format(offset)) if peer.deep else None,
            loaded=server.memory(),
        )


def of_parlor(own, offset):
    return [
        row("parlor: first page", str(own.first)),
        row(f"parlor: offset {thousands(offset)}", str(own.behind)),
        row("parlor: memory, idle and after", f"{own.idle:.1f} and {own.loaded:.1f} MB"),
        row("parlor: start to first page", f"{own.started:.0f} ms"),
    ]


def compared(peer, its, own, offset, targets):
    behind = f"{peer.title}: offset {thousands(offset)}"
    rows = [
        outdone(f"{peer.title}: first page", its.first, own.first, targets and AT_FIRST),
        outdone(behind, its.behind, own.behind, targets and BEHIND),
        row(
            f"{peer.title}: memory, idle and after",
            f"{its.idle:.1f} and {its.loaded:.1f} MB",
            f"{its.loaded / own.loaded:.1f} × parlor's",
        ),
        row(
            f"{peer.title}: start to first page",
            f"{its.started:.0f} ms",
            f"{its.started / own.started:.1f} × parlor's",
        ),
    ]
    if its.deep:
        rows.insert(2, outdone(f"{behind}, messages read apart", its.deep, own.behind))
    return rows


def outdone(title, its, own, times=None):
    """A row for a load, and how many times as much parlor bears."""
    ratio = own.load.rate / its.load.rate
    told = f"parlor {ratio:,.{0 if ratio >= 10 else 1}f} ×"
    if not times:
        return row(title, str(its), told)
    return row(title, str(its), told, at_least(times, unit="×"), ratio)
