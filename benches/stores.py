"""The same loads on SQLite and on PostgreSQL, in turn. Both have the data of the demo."""

import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import queries
import sending
from common import ROUNDS, SMALL, program, say
from lists import rounds
from loads import median, wrk
from postgres import Postgres, query
from queries import BEARER, LIST
from server import serve
from table import at_least, at_most, row, thousands

COLUMNS = ("measure", "PostgreSQL", "SQLite")
STORES = ("postgres", "sqlite")
CALLERS, VISITORS = 16, 64

RATE_CACHED = at_least(8000, unit="req/s")
RATE = at_least(1500, unit="req/s")
ALONE = at_most(1, unit="ms p50")
GROWTH = at_most(1.3)
DEPTHS = (40, 4, 2)  # offsets, as divisors of the number of conversations


class Kind(NamedTuple):
    """A load of pages, and the targets of its rate, of the median of one caller, and of
    the growth between the sizes on PostgreSQL."""

    title: str
    rate: object = None
    alone: object = None
    growth: object = None


CACHED = {"cached": Kind("first page, cached, version checked", RATE_CACHED, ALONE)}
UNCACHED = {
    "first": Kind("first page, not cached", RATE, ALONE),
    "ends": Kind("page near either end, all orders, not cached", growth=GROWTH),
    "after": Kind("page after a cursor, all orders, not cached", growth=GROWTH),
}


def measure(run):
    """Notes for the head of the table, and its rows."""
    with Postgres() as server:
        version = query(server.url, "SHOW server_version").split()[0]
        say(f"creating the demos on PostgreSQL {version}")
        stores = open_stores(run, server)
        loads = measure_pages(run, stores, CACHED, cache=True)
        loads |= measure_pages(run, stores, UNCACHED, cache=False)
        loads |= measure_messages(run, stores["postgres", run.rows])
    rows = [*page_rows(run, loads, CACHED), *page_rows(run, loads, UNCACHED)]
    rows += depth_rows(run, loads)
    rows += message_rows(loads)
    return [note(version)], rows


def note(version):
    return (
        f"PostgreSQL {version} on the same machine and over the loopback interface, with "
        f"`fsync`. {CALLERS} connections for lists, {VISITORS} visitors for messages. Targets are "
        "those of PostgreSQL."
    )


def open_stores(run, server):
    """The databases by store and number of conversations."""
    sizes = (SMALL, run.rows)
    stores = {("sqlite", rows): run.files[rows] for rows in sizes}
    for rows in sizes:
        url = server.create_database(f"demo_{rows}")
        command = [program("parlor"), "demo", "--no-serve", "--store", url, "--conversations", str(rows)]
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=sys.stderr, timeout=3600)
        say(f"creating {rows} conversations took {time.monotonic() - began:.0f} s")
        # Otherwise the servers would build the search index during the measurement.
        query(url, "TRUNCATE search_backlog")
        stores["postgres", rows] = url
    query(server.url, "CHECKPOINT")
    return stores


# ── Measurements ──


def measure_pages(run, stores, kinds, cache):
    """The loads by kind, store, number of conversations and number of callers."""
    with ExitStack() as stack:
        servers = {key: stack.enter_context(serve(store, cache)) for key, store in stores.items()}
        loads = {}
        for rows in (SMALL, run.rows):
            files = {} if cache else write_requests(run, servers, rows)
            for kind in kinds:
                for callers in (CALLERS, 1):
                    for store in STORES:
                        server, file = servers[store, rows], files.get((kind, store))
                        loads[kind, store, rows, callers] = partial(pages, run, server, callers, LIST, file)
        if not cache:
            for offset in offsets(run):
                for store in STORES:
                    server, path = servers[store, run.rows], f"{LIST}?offset={offset}"
                    # The first request makes parlor count the rows of the SQLite file.
                    server.get(path)
                    loads["offset", store, offset, 1] = partial(pages, run, server, 1, path)
        return rounds("lists of both stores", loads)


def write_requests(run, servers, rows):
    """Writes the files of requests; by kind and store."""
    ends = queries.write(run.folder / f"ends-{rows}", queries.near_ends(rows))
    files = {("ends", store): ends for store in STORES}
    for store in STORES:
        # The conversations of the stores have different ids.
        cursors = queries.after_cursors(servers[store, rows], rows)
        files["after", store] = queries.write(run.folder / f"after-{store}-{rows}", cursors)
    return files


def pages(run, server, callers, path, file=None):
    return wrk(run, server.port, path, *BEARER, requests=file, connections=callers)


def offsets(run):
    return [run.rows // divisor for divisor in DEPTHS]


def measure_messages(run, url):
    """The loads by recipient and store. They change the databases."""
    subprocess.run([program("sending"), "learn", url], check=True, timeout=300)
    loads = {(recipient, store): [] for recipient in ("agent", "assistant") for store in STORES}
    with serve(url) as postgres, serve(run.copy) as sqlite:
        servers = {"postgres": postgres, "sqlite": sqlite}
        for number in range(ROUNDS):
            say(f"measuring: messages to both stores, round {number + 1} of {ROUNDS}")
            for (recipient, store), results in loads.items():
                result = sending.run_load(run, servers[store], recipient, VISITORS)
                results.append(result["load"])
    return {key: median(results) for key, results in loads.items()}


# ── Rows ──


def page_rows(run, loads, kinds):
    for name, kind in kinds.items():
        postgres, sqlite = (loads[name, store, run.rows, CALLERS] for store in STORES)
        yield row(kind.title, str(postgres), str(sqlite), kind.rate, postgres.rate)
        postgres, sqlite = (loads[name, store, run.rows, 1] for store in STORES)
        yield row(f"{kind.title}, one caller", str(postgres), str(sqlite), kind.alone, postgres.p50)
        postgres, sqlite = (growth(run, loads, name, store) for store in STORES)
        title = f"{kind.title}: time with {thousands(run.rows)} conversations against {thousands(SMALL)}"
        yield row(title, f"{postgres:.2f} ×", f"{sqlite:.2f} ×", kind.growth, postgres)


def growth(run, loads, name, store):
    return loads[name, store, SMALL, CALLERS].rate / loads[name, store, run.rows, CALLERS].rate


def depth_rows(run, loads):
    for offset in offsets(run):
        postgres, sqlite = (loads["offset", store, offset, 1] for store in STORES)
        yield row(f"page at offset {thousands(offset)}, one caller", str(postgres), str(sqlite))


def message_rows(loads):
    titles = {
        "agent": "a message stored, on the disk before the response",
        "assistant": "a message with the answer of the built-in assistant, the same",
    }
    for recipient, title in titles.items():
        postgres, sqlite = (loads[recipient, store] for store in STORES)
        yield row(title, str(postgres), str(sqlite), RATE, postgres.rate)
