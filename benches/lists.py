"""The lists: pages of a project and of visitors over files of every size, against
the ceiling; memory, start-up, inserts."""

import statistics
import time
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import queries
from common import EXAMPLES, ROUNDS, say, seconds_of
from loads import middle, wrk
from queries import BEARER, LIST
from server import Server, serve
from table import Target, at_least, at_most, limited, row, thousands

GROWTH = at_most(1.3, 1.1)


class Kind(NamedTuple):
    """A list that is asked for: by a server that keeps answers or one that does
    not, and what of which ceiling it must reach."""

    title: str
    kept: bool
    ceiling: str
    target: Target | None = None
    growth: Target | None = GROWTH


CEILINGS = {
    "page": "a page",
    "pages": "a mean page, varied requests",
    "own": "a mean list of a visitor, their requests",
    "kept": "a page, measured with what follows",
}

# The slow ones last: what they leave behind is still being answered when the
# next load begins.
KINDS = {
    "first": Kind("first page, the same again, nothing kept", False, "page"),
    "varied": Kind("first pages, varied queries", False, "pages", at_least(30, 45)),
    "visitors": Kind("own list, visitors at random", False, "own", at_least(25, 40)),
    "busiest": Kind("own list, the 200 busiest visitors", False, "pages", at_least(25, 40), None),
    "offset": Kind("page at a random offset", False, "pages"),
    "title": Kind("page at a random offset, by title", False, "pages"),
    "same": Kind("first page again, nothing changed", True, "kept", at_least(70, 90)),
    "known": Kind("the same, conditional (304)", True, "kept", at_least(100)),
}


def measure(run):
    """Notes for the head of the table, and its rows."""
    say("measuring: start-up")
    start = start_up(run.large)
    files = run.files
    loads, sizes = bare(run, files)
    of_kept, idle, peak = kept(run, files)
    loads.update(of_kept)
    inserts = inserted(run)
    run.results.update({f"{name}/{of}": load.rate for (name, of), load in loads.items()})
    rows = [
        *against_ceilings(run, loads, kept=False),
        *against_ceilings(run, loads, kept=True),
        *grown(run, loads),
        limited("resident memory, idle", idle, at_most(25, 15, "MB"), 1),
        limited("resident memory, the most under list load", peak, at_most(80, 40, "MB"), 1),
        limited("start to first answer, a page", start, at_most(150, 50, "ms")),
        row(
            "inserts by 32 callers, on the disk when answered",
            str(inserts),
            target=at_least(3000, unit="req/s"),
            value=inserts.rate,
        ),
        limited(
            f"making the demo of {thousands(run.rows)}",
            float(seconds_of(run.large).read_text()),
            at_most(60, unit="s"),
            3,
        ),
    ]
    return [note(sizes)], rows


def note(sizes):
    page, pages, own = (thousands(size) for size in sizes.values())
    return (
        f"wrk has 2 threads. A page is 10 conversations with the exact total, {page} bytes; the "
        f"mean page of varied queries {pages}, of visitors at random {own}. A ceiling has the "
        "bytes and the requests of what it is compared with, because wrk itself sends varied "
        "requests more slowly than the same one. Unless a row says that nothing changed, the "
        "server keeps no answers."
    )


# ── What is measured ──


def bare(run, files):
    """Answers that are made anew each time: the loads, and the bytes of a mean
    answer by ceiling."""
    with ExitStack() as stack:
        servers = started(stack, files, keeps=False)
        asked = files_of(run, servers)
        large = servers[run.rows]
        page, _ = large.get(LIST)
        # An order is counted when it is first asked for.
        for rows, server in servers.items():
            server.mean_size(asked["offset", rows])
            server.mean_size(asked["title", rows])
        sizes = {
            "page": len(page),
            "pages": large.mean_size(asked["varied", run.rows]),
            "own": large.mean_size(asked["visitors", run.rows]),
        }
        ceilings = {name: ceiling(run, stack, name, size) for name, size in sizes.items()}
        of = {"page": None, "pages": "varied", "own": "visitors"}
        loads = {
            ("ceiling", name): partial(page_load, run, server, asked.get((of[name], run.rows)))
            for name, server in ceilings.items()
        }
        for rows, server in servers.items():
            for name, kind in KINDS.items():
                if not kind.kept and (kind.growth or rows == run.rows):
                    loads[name, rows] = partial(page_load, run, server, asked.get((name, rows)))
        return rounds("lists", loads), sizes


def kept(run, files):
    """Answers that may be kept while nothing changes: the loads, and the memory
    of a server with all its defaults, idle and at most."""
    with ExitStack() as stack:
        servers = started(stack, files, keeps=True)
        large = servers[run.rows]
        page, _ = large.get(LIST)
        time.sleep(1)
        idle = large.memory()
        loads = {
            ("ceiling", "kept"): partial(page_load, run, ceiling(run, stack, "kept", len(page)))
        }
        for rows, server in servers.items():
            _, headers = server.get(LIST)
            known = ("-H", f"If-None-Match: {headers['ETag']}")
            loads["same", rows] = partial(page_load, run, server)
            loads["known", rows] = partial(page_load, run, server, None, *known)
        for name in ("varied", "offset"):
            page_load(run, large, run.folder / f"{name}-{run.rows}")
        return rounds("lists, answers kept", loads), idle, large.memory(peak=True)


def started(stack, files, keeps):
    return {rows: stack.enter_context(serve(file, keeps)) for rows, file in files.items()}


def ceiling(run, stack, name, size):
    """A server that answers with so many bytes."""
    file = run.folder / f"{name}.body"
    file.write_bytes(bytes(size))
    return stack.enter_context(Server(EXAMPLES / "ceiling", file))


def files_of(run, servers):
    """Files of requests by name and rows."""
    varied = queries.varied()
    files = {}
    for rows, server in servers.items():
        all = {
            "varied": varied,
            "visitors": queries.visitors(server, rows),
            "busiest": queries.busiest(server),
            "offset": queries.offsets(rows, "lastInterationAt"),
            "title": queries.offsets(rows, "title"),
        }
        for name, asked in all.items():
            files[name, rows] = queries.written(run.folder / f"{name}-{rows}", asked)
    return files


def page_load(run, server, file=None, *options):
    return wrk(run, server.port, LIST, *BEARER, *options, requests=file)


def rounds(what, loads):
    """The median of each load; they take turns."""
    told = {of: [] for of in loads}
    for number in range(ROUNDS):
        say(f"measuring: {what}, round {number + 1} of {ROUNDS}")
        for of, once in loads.items():
            told[of].append(once())
    return {of: middle(all) for of, all in told.items()}


def start_up(file):
    """Milliseconds from exec to the first page, the median of five; the first
    start, which may read a cold disk, is not counted."""
    times = []
    for _ in range(6):
        began = time.monotonic()
        with serve(file) as server:
            server.get(LIST)
            times.append(time.monotonic() - began)
    return 1000 * statistics.median(times[1:])


def inserted(run):
    """Conversations started by 32 callers at once."""
    say("measuring: inserts")
    visitors = str(run.rows // 4 - 1)
    with serve(run.copy) as server:
        loads = [
            wrk(run, server.port, LIST, *BEARER, BENCH_VISITORS=visitors) for _ in range(ROUNDS)
        ]
    return middle(loads)


# ── Rows ──


def against_ceilings(run, loads, kept):
    """The ceilings, then the rows for the large file."""
    kinds = {name: kind for name, kind in KINDS.items() if kind.kept == kept}
    for name in dict.fromkeys(kind.ceiling for kind in kinds.values()):
        yield row(f"ceiling: {CEILINGS[name]}", str(loads["ceiling", name]), "100 %")
    for name, kind in kinds.items():
        load = loads[name, run.rows]
        part = 100 * load.rate / loads["ceiling", kind.ceiling].rate
        yield row(kind.title, str(load), f"{part:.1f} % of its ceiling", kind.target, part)


def grown(run, loads):
    """For each step from one file to the next larger: how much slower it is."""
    sizes = list(run.files)
    for fewer, more in zip(sizes, sizes[1:]):
        for name, kind in KINDS.items():
            if kind.growth:
                load = loads[name, fewer]
                times = load.rate / loads[name, more].rate
                title = f"{kind.title}, {thousands(fewer)} rows"
                ratio = f"{thousands(more)} rows: {times:.2f} × slower"
                yield row(title, str(load), ratio, kind.growth, times)
