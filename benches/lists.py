"""Lists of a project and of visitors, for databases of every size, compared with the
ceiling; memory, start-up and inserts."""

import statistics
import time
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import queries
from common import ROUNDS, program, say, seconds_of
from loads import median, wrk
from queries import BEARER, LIST
from server import Server, serve
from table import Target, at_least, at_most, limited, row, thousands

GROWTH = at_most(1.3, 1.1)


class Kind(NamedTuple):
    """A load, whether the server caches lists, and the share of which ceiling the
    load must reach."""

    title: str
    cached: bool
    ceiling: str
    target: Target | None = None
    growth: Target | None = GROWTH


CEILINGS = {
    "page": "a page",
    "pages": "a mean page, varied requests",
    "own": "a mean list of a visitor, varied requests",
    "cached": "a page, measured together with the following rows",
}

# The slow loads come last: their unfinished requests delay the next load.
KINDS = {
    "first": Kind("first page, repeated, nothing cached", False, "page"),
    "varied": Kind("first pages, varied queries", False, "pages", at_least(30, 45)),
    "visitors": Kind("own list, visitors at random", False, "own", at_least(25, 40)),
    "busiest": Kind("own list, the 200 busiest visitors", False, "pages", at_least(25, 40), None),
    "offset": Kind("page at a random offset", False, "pages"),
    "title": Kind("page at a random offset, by title", False, "pages"),
    "uncached": Kind(
        "nothing cached: offsets up to 40,000 over six orders", False, "pages", at_least(25, 30), None
    ),
    "same": Kind("first page, repeated, cached", True, "cached", at_least(70, 90)),
    "known": Kind("the same, conditional (304)", True, "cached", at_least(100)),
}


def measure(run):
    """Notes for the head of the table, and its rows."""
    say("measuring: start-up")
    start = start_up(run.large)
    files = run.files
    loads, sizes = measure_uncached(run, files)
    cached_loads, idle, peak = measure_cached(run, files)
    loads.update(cached_loads)
    inserts = measure_inserts(run)
    run.results.update({f"{name}/{rows}": load.rate for (name, rows), load in loads.items()})
    rows = [
        *against_ceilings(run, loads, cached=False),
        *against_ceilings(run, loads, cached=True),
        *growth_rows(run, loads),
        limited("resident memory, idle", idle, at_most(25, 15, "MB"), 1),
        limited("peak resident memory under list load", peak, at_most(80, 40, "MB"), 1),
        limited("start to first response, a page", start, at_most(150, 50, "ms")),
        row(
            "inserts by 32 clients, on the disk before the response",
            str(inserts),
            target=at_least(3000, unit="req/s"),
            value=inserts.rate,
        ),
        limited(
            f"creating the demo of {thousands(run.rows)}",
            float(seconds_of(run.large).read_text()),
            at_most(60, unit="s"),
            3,
        ),
    ]
    return [note(sizes)], rows


def note(sizes):
    page, pages, own = (thousands(size) for size in sizes.values())
    return (
        f"wrk has 2 threads. A page has 10 conversations and the exact total, {page} bytes; the "
        f"mean page of varied queries {pages}, of random visitors {own}. A ceiling has the size and "
        "the requests of the rows that are compared with it, because wrk sends varied requests "
        "more slowly than one repeated request. Lists are cached only in rows that say so."
    )


# ── Measurements ──


def measure_uncached(run, files):
    """The loads without list cache, and the mean size of a response by ceiling."""
    with ExitStack() as stack:
        servers = start_servers(stack, files, cache=False)
        requests = write_requests(run, servers)
        large = servers[run.rows]
        page, _ = large.get(LIST)
        # The first request in an order makes the server count its rows.
        for rows, server in servers.items():
            for name in ("offset", "title", "uncached"):
                server.mean_size(requests[name, rows])
        sizes = {
            "page": len(page),
            "pages": large.mean_size(requests["varied", run.rows]),
            "own": large.mean_size(requests["visitors", run.rows]),
        }
        ceilings = {name: start_ceiling(run, stack, name, size) for name, size in sizes.items()}
        files_by_ceiling = {"page": None, "pages": "varied", "own": "visitors"}
        loads = {
            ("ceiling", name): partial(page_load, run, server, requests.get((files_by_ceiling[name], run.rows)))
            for name, server in ceilings.items()
        }
        for rows, server in servers.items():
            for name, kind in KINDS.items():
                if not kind.cached and (kind.growth or rows == run.rows):
                    loads[name, rows] = partial(page_load, run, server, requests.get((name, rows)))
        return rounds("lists", loads), sizes


def measure_cached(run, files):
    """The loads with list cache, and the idle and peak memory of a server with the
    default settings."""
    with ExitStack() as stack:
        servers = start_servers(stack, files, cache=True)
        large = servers[run.rows]
        page, _ = large.get(LIST)
        time.sleep(1)
        idle = large.memory()
        loads = {
            ("ceiling", "cached"): partial(page_load, run, start_ceiling(run, stack, "cached", len(page)))
        }
        for rows, server in servers.items():
            _, headers = server.get(LIST)
            if_none_match = ("-H", f"If-None-Match: {headers['ETag']}")
            loads["same", rows] = partial(page_load, run, server)
            loads["known", rows] = partial(page_load, run, server, None, *if_none_match)
        for name in ("varied", "offset"):
            page_load(run, large, run.folder / f"{name}-{run.rows}")
        return rounds("lists, cached", loads), idle, large.memory(peak=True)


def start_servers(stack, files, cache):
    return {rows: stack.enter_context(serve(file, cache)) for rows, file in files.items()}


def start_ceiling(run, stack, name, size):
    """A server whose responses have this size."""
    file = run.folder / f"{name}.body"
    file.write_bytes(bytes(size))
    return stack.enter_context(Server(program("ceiling"), file))


def write_requests(run, servers):
    """Writes the files of requests; by name and rows."""
    varied = queries.varied()
    files = {}
    for rows, server in servers.items():
        requests = {
            "varied": varied,
            "visitors": queries.visitors(server, rows),
            "busiest": queries.busiest(server),
            "offset": queries.offsets(rows, "lastInterationAt"),
            "title": queries.offsets(rows, "title"),
            "uncached": queries.uncached(rows),
        }
        for name, lines in requests.items():
            files[name, rows] = queries.write(run.folder / f"{name}-{rows}", lines)
    return files


def page_load(run, server, file=None, *options):
    return wrk(run, server.port, LIST, *BEARER, *options, requests=file)


def rounds(label, loads):
    """Runs the loads in turn, several times; the median of each load."""
    results = {name: [] for name in loads}
    for number in range(ROUNDS):
        say(f"measuring: {label}, round {number + 1} of {ROUNDS}")
        for name, run_load in loads.items():
            results[name].append(run_load())
    return {name: median(result) for name, result in results.items()}


def start_up(file):
    """Milliseconds from the start of the process to the first page, the median of five.
    The first start, which may read a cold disk, does not count."""
    times = []
    for _ in range(6):
        began = time.monotonic()
        with serve(file) as server:
            server.get(LIST)
            times.append(time.monotonic() - began)
    return 1000 * statistics.median(times[1:])


def measure_inserts(run):
    """Conversations started by 32 concurrent clients."""
    say("measuring: inserts")
    visitors = str(run.rows // 4 - 1)
    with serve(run.copy) as server:
        loads = [
            wrk(run, server.port, LIST, *BEARER, BENCH_VISITORS=visitors) for _ in range(ROUNDS)
        ]
    return median(loads)


# ── Rows ──


def against_ceilings(run, loads, cached):
    """The ceilings, then the rows for the large database."""
    kinds = {name: kind for name, kind in KINDS.items() if kind.cached == cached}
    for name in dict.fromkeys(kind.ceiling for kind in kinds.values()):
        yield row(f"ceiling: {CEILINGS[name]}", str(loads["ceiling", name]), "100 %")
    for name, kind in kinds.items():
        load = loads[name, run.rows]
        part = 100 * load.rate / loads["ceiling", kind.ceiling].rate
        yield row(kind.title, str(load), f"{part:.1f} % of its ceiling", kind.target, part)


def growth_rows(run, loads):
    """How much slower each load is with the next larger database."""
    sizes = list(run.files)
    for fewer, more in zip(sizes, sizes[1:]):
        for name, kind in KINDS.items():
            if kind.growth:
                load = loads[name, fewer]
                times = load.rate / loads[name, more].rate
                title = f"{kind.title}, {thousands(fewer)} rows"
                ratio = f"{thousands(more)} rows: {times:.2f} × slower"
                yield row(title, str(load), ratio, kind.growth, times)
