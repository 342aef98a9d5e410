"""What writes take from the reads: first pages, with and without them."""

import json
import subprocess

from common import EXAMPLES, ROUNDS, say
from loads import Load, count_failed, middle, wrk
from queries import BEARER, LIST
from server import serve
from table import at_least, row, thousands

RATE = 2_000
TARGET = at_least(70, 85)


def measure(run):
    """Notes for the head of the table, and its rows."""
    notes = [
        f"While reads are measured against writes, 32 visitors send {thousands(RATE)} messages a "
        "second to 640 conversations; the time of a message counts from its moment."
    ]
    rows = []
    for keeps, how in ((False, "nothing kept"), (True, "answers kept")):
        say(f"measuring: reads while others write, {how}")
        rows += compared(run, keeps, how)
    return notes, rows


def compared(run, keeps, how):
    told = {"alone": [], "beside": [], "writes": []}
    with serve(run.copy, keeps) as server:
        for _ in range(ROUNDS):
            told["alone"].append(read(run, server))
            beside, writes = read_beside_writes(run, server)
            told["beside"].append(beside)
            told["writes"].append(writes)
    alone, beside, writes = (middle(loads) for loads in told.values())
    part = 100 * beside.rate / alone.rate
    name = "kept" if keeps else "bare"
    run.results.update({f"alone/{name}": alone.rate, f"beside/{name}": beside.rate})
    title = f"first page while {thousands(RATE)} messages a second are written, {how}"
    return [
        row(f"first page while nothing is written, {how}", str(alone), "100 %"),
        row(title, str(beside), f"{part:.1f} % of that", TARGET, part),
        row(f"the messages written meanwhile, {how}", str(writes)),
    ]


def read(run, server):
    return wrk(run, server.port, LIST, *BEARER)


def read_beside_writes(run, server):
    """The load of the reads, and that of the writes."""
    # A little longer than the reads, so that none of these is without writes.
    seconds = str(run.seconds + 1)
    command = [EXAMPLES / "pace", str(server.port), str(RATE), seconds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "ready\n"
        reads = read(run, server)
        told = json.loads(writer.stdout.read())
    count_failed(told["failed"])
    return reads, Load(told["rate"], told["p50"], told["p99"])
