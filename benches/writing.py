"""First pages while other clients write, compared with an idle server."""

import json
import subprocess

from common import ROUNDS, program, say
from loads import Load, count_failed, median, wrk
from queries import BEARER, LIST
from server import serve
from table import at_least, row, thousands

RATE = 2_000
TARGET = at_least(70, 85)


def measure(run):
    """Notes for the head of the table, and its rows."""
    notes = [
        f"During the reads, 32 visitors send {thousands(RATE)} messages a "
        "second to 640 conversations; the latency of a message counts from its scheduled time."
    ]
    rows = []
    for cache, label in ((False, "nothing cached"), (True, "lists cached")):
        say(f"measuring: reads during writes, {label}")
        rows += compare(run, cache, label)
    return notes, rows


def compare(run, cache, label):
    loads = {"alone": [], "beside": [], "writes": []}
    with serve(run.copy, cache) as server:
        for _ in range(ROUNDS):
            loads["alone"].append(read(run, server))
            beside, writes = read_beside_writes(run, server)
            loads["beside"].append(beside)
            loads["writes"].append(writes)
    alone, beside, writes = (median(rounds) for rounds in loads.values())
    part = 100 * beside.rate / alone.rate
    name = "cached" if cache else "uncached"
    run.results.update({f"alone/{name}": alone.rate, f"beside/{name}": beside.rate})
    title = f"first page while {thousands(RATE)} messages a second are written, {label}"
    return [
        row(f"first page while nothing is written, {label}", str(alone), "100 %"),
        row(title, str(beside), f"{part:.1f} % of that", TARGET, part),
        row(f"the messages written meanwhile, {label}", str(writes)),
    ]


def read(run, server):
    return wrk(run, server.port, LIST, *BEARER)


def read_beside_writes(run, server):
    """The results of the reads and of the writes."""
    # The writes last longer than the reads.
    seconds = str(run.seconds + 1)
    command = [program("pace"), str(server.port), str(RATE), seconds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "ready\n"
        reads = read(run, server)
        result = json.loads(writer.stdout.read())
    count_failed(result["failed"])
    return reads, Load(result["rate"], result["p50"], result["p99"])
