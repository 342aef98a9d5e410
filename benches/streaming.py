"""The latency that parlor adds to the answer of a model, and the cost of open
WebSockets."""

import json
import re
import subprocess

from common import program, say
from loads import output
from table import at_most, row

SOCKETS = 10_000


def measure(run):
    """Notes for the head of the table, and its rows."""
    say("measuring: answers of a model")
    command = [program("upstream"), program("parlor"), run.folder]
    result = json.loads(output(run, command))
    notes = [
        "The answer of a model is read from a stub server and through parlor (a demo of 500 "
        "conversations), with 2 ms between chunks; stub, parlor and clients use the same cores."
    ]
    rows = []
    for visitors in ("1", "16"):
        at_once = "one at a time" if visitors == "1" else f"{visitors} at once"
        rows += answers(result[visitors], at_once)
    rows.append(row("the same storing, without a server", f"{result['write']:.3f} ms"))
    return notes, rows + sockets()


def answers(result, at_once):
    direct, through = result["direct"], result["parlor"]
    stored = f"{through['stored']:.3f} ms"
    return [
        added(f"the first chunk of a model, {at_once}", direct["first"], through["first"], 1),
        row(f"the same request, only stored, {at_once}", stored),
        added(f"each further chunk, {at_once}", direct["piece"], through["piece"], 0.1),
        row(
            f"each further chunk, {at_once}, p99",
            f"{through['piece99']:.3f} ms, from the model {direct['piece99']:.3f} ms",
        ),
    ]


def added(measure, direct, through, limit):
    more = through - direct
    return row(
        f"{measure}, p50",
        f"{through:.3f} ms, from the model {direct:.3f} ms",
        f"+ {more:.3f} ms",
        at_most(limit, unit="ms more"),
        more,
    )


def sockets():
    """Rows of the output of benches/sockets.rs."""
    say("measuring: WebSockets")
    command = [program("sockets"), str(SOCKETS)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120)
    if result.returncode:
        return [row("open WebSockets", "benches/sockets failed", "**failed**")]
    opened = re.search(r"^(\d+) sockets, (opened in .*)$", result.stdout, re.MULTILINE)
    # Before and after the events.
    each = re.findall(r": ([\d.]+ kB) each$", result.stdout, re.MULTILINE)
    read = re.findall(r"read by all after (\S+)$", result.stdout, re.MULTILINE)
    count = f"{int(opened[1]):,} open WebSockets"
    return [
        row(f"{count}, idle", f"{each[0]} each; {opened[2]}"),
        row(f"{count}, one event to all", f"{read[-1]}, {each[-1]} each after it"),
    ]
