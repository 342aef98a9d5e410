"""The lists: start-up, memory, pages over the large and the small file, inserts."""

import sqlite3
import statistics
import time

from common import (
    EXAMPLES,
    PARLOR,
    ROUNDS,
    SMALL,
    Server,
    at_least,
    at_most,
    limited,
    middle,
    row,
    say,
    seconds_of,
    serve,
    thousands,
    wrk,
)

LIST = "/v2/conversations"
KEY = ("-H", "Authorization: Bearer sk_demo")

# Name, title, of the ceiling at least so many percent, at most so many times
# slower over the large file.
KINDS = [
    ("all", "project, first page", 25, 1.3),
    ("open", "project, status=open", 25, 1.3),
    ("closed", "project, status=closed", 25, 1.3),
    ("visitor", "one visitor", 25, 1.3),
    ("visitors", "200 visitors in turn", 25, 1.3),
    ("known", "first page, unchanged (304)", None, None),
    ("half", "project, offset at 50 %", None, None),
    ("deep", "project, offset at 90 %", None, None),
]


def measure(run):
    """Notes for the head of the table, and its rows."""
    large, small = run.large, run.small
    say("measuring: start-up, SQLite alone")
    started, (deep, half) = start_up(large), alone(large)
    loads, idle, loaded, page = pages(run, large, small)
    inserts = inserted(run)
    notes = [f"wrk has 2 threads. A page is 10 conversations, {page} bytes, with the exact total."]
    rows = [
        row("ceiling: fixed body of the same bytes", str(loads["ceiling"]), "100 %"),
        *(of_ceiling(run, loads, *kind[:3]) for kind in KINDS),
        *(growth(run, loads, name, title, limit) for name, title, _, limit in KINDS),
        limited(f"SQLite alone, offset {thousands(run.rows * 0.9)}", deep, 25, "ms", 1),
        row(f"SQLite alone, offset {thousands(run.rows / 2)}, the deepest", f"{half:.1f} ms"),
        limited("resident memory, idle", idle, 30, "MB", 1),
        row("resident memory, after the load", f"{loaded:.1f} MB"),
        limited("start to first answer", started, 200, "ms"),
        row(
            "inserts by 32 callers, on the disk when answered",
            str(inserts),
            target="≥ 3,000 req/s",
            met=at_least(inserts.rate, 3000),
        ),
        limited(
            f"making the demo of {thousands(run.rows)}",
            float(seconds_of(large).read_text()),
            60,
            "s",
            3,
        ),
    ]
    return notes, rows


def start_up(file):
    """Milliseconds from exec to the first answer, the median of five; the first
    start, which may read a cold disk, is not counted."""
    times = []
    for _ in range(6):
        began = time.monotonic()
        with Server(PARLOR, "serve", "--listen", "127.0.0.1:0", "--db", file) as server:
            server.get("/health")
            times.append(time.monotonic() - began)
    return 1000 * statistics.median(times[1:])


def alone(file):
    """Milliseconds in SQLite for the row numbers of the pages at 90 % and at
    50 %, the statement of src/db/list.rs."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    connection.execute("PRAGMA cache_size = -4000")
    counts = "SELECT open_conversations + closed_conversations FROM project"
    (total,) = connection.execute(counts).fetchone()
    return [rows_at(connection, total, total * tenths // 10) for tenths in (9, 5)]


def rows_at(connection, total, offset, limit=10):
    end = total - offset - limit
    way, skip = ("ASC", end) if end < offset else ("DESC", offset)
    one = (
        "SELECT seq, last_interaction_at AS k, id FROM conversation "
        "INDEXED BY conversation_by_interaction WHERE project_seq = 1 AND status = ?"
    )
    sql = f"{one} UNION ALL {one} ORDER BY k {way}, id {way} LIMIT ? OFFSET ?"
    times = []
    for _ in range(9):
        began = time.perf_counter()
        rows = connection.execute(sql, ("closed", "open", limit, skip)).fetchall()
        times.append(time.perf_counter() - began)
        assert len(rows) == limit
    return 1000 * statistics.median(times)


def pages(run, large, small):
    """Each kind of list over both files, and the ceiling: the loads by name, the
    memory before and after, the bytes of a page."""
    with serve(large) as of_large, serve(small) as of_small:
        of_large.get("/health")
        idle = of_large.memory()
        body = run.folder / "page"
        page, headers = of_large.get(LIST, Authorization="Bearer sk_demo")
        body.write_bytes(page)
        loads = {"ceiling": []}
        with Server(EXAMPLES / "ceiling", body) as ceiling:
            sides = [
                Side(run, of_large, "large", run.rows),
                Side(run, of_small, "small", SMALL),
            ]
            for number in range(ROUNDS):
                say(f"measuring: lists, round {number + 1} of {ROUNDS}")
                loads["ceiling"].append(wrk(run, ceiling.port, "/"))
                for side in sides:
                    side.once(loads)
        loaded = of_large.memory()
    return {name: middle(all) for name, all in loads.items()}, idle, loaded, len(page)


class Side:
    """The lists of one file."""

    def __init__(self, run, server, size, rows):
        self.run, self.server, self.size = run, server, size
        # 200 visitors are the busiest of the made-up desk.
        tokens = [server.session(f"visitor-{number}") for number in range(1, 201)]
        self.tokens = run.folder / f"tokens-{size}"
        self.tokens.write_text("\n".join(tokens))
        _, headers = server.get(LIST, Authorization="Bearer sk_demo")
        visitor = ("-H", f"Authorization: Bearer {server.session('demo')}")
        known = ("-H", f"If-None-Match: {headers['ETag']}")
        # The slow ones last: what they leave behind is still being answered when
        # the next load begins.
        self.asked = {
            "all": (LIST, *KEY),
            "open": (f"{LIST}?status=open", *KEY),
            "closed": (f"{LIST}?status=closed", *KEY),
            "visitor": (LIST, *visitor),
            "visitors": (LIST,),
            "known": (LIST, *KEY, *known),
            "half": (f"{LIST}?offset={rows // 2}", *KEY),
            "deep": (f"{LIST}?offset={rows // 10 * 9}", *KEY),
        }

    def once(self, loads):
        for name, asked in self.asked.items():
            in_turn = {"BENCH_TOKENS": str(self.tokens)} if name == "visitors" else {}
            load = wrk(self.run, self.server.port, *asked, **in_turn)
            loads.setdefault(f"{name}-{self.size}", []).append(load)


def inserted(run):
    """Conversations started by 32 callers at once."""
    say("measuring: inserts")
    visitors = {"BENCH_VISITORS": str(run.rows // 4 - 1)}
    with serve(run.copy) as server:
        return middle([wrk(run, server.port, LIST, *KEY, **visitors) for _ in range(ROUNDS)])


# ── Rows ──


def of_ceiling(run, loads, name, title, percent):
    """A row for the large file, against the ceiling."""
    if name in ("half", "deep"):
        share = 0.5 if name == "half" else 0.9
        title = f"project, offset {thousands(run.rows * share)}"
    load = loads[f"{name}-large"]
    part = 100 * load.rate / loads["ceiling"].rate
    ratio = f"{part:.1f} % of the ceiling"
    if percent is None:
        return row(title, str(load), ratio)
    return row(title, str(load), ratio, f"≥ {percent} %", at_least(part, percent))


def growth(run, loads, name, title, limit):
    """A row for the small file, and how much slower the large one is."""
    load = loads[f"{name}-small"]
    times = load.rate / loads[f"{name}-large"].rate
    ratio = f"{thousands(run.rows)} rows: {times:.2f} × slower"
    title = f"{title}, {thousands(SMALL)} rows"
    if limit is None:
        return row(title, str(load), ratio)
    return row(title, str(load), ratio, f"≤ {limit} ×", at_most(times, limit))
