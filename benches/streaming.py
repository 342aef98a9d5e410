"""What parlor adds to a model's answer, and what open WebSockets cost."""

import json
import re
import subprocess
from pathlib import Path

from common import EXAMPLES, PARLOR, say
from loads import output
from table import at_most, row


def measure(run):
    """Notes for the head of the table, and its rows."""
    say("measuring: a model's answers")
    told = json.loads(output(run, [EXAMPLES / "upstream", PARLOR, run.folder]))
    notes = [
        "A model's answer is read from a stub of its server and through parlor (a demo of 500 "
        "conversations), its pieces 2 ms apart; stub, parlor and visitors on the same cores."
    ]
    rows = []
    for visitors in ("1", "16"):
        at_once = "one at a time" if visitors == "1" else f"{visitors} at once"
        rows += answers(told[visitors], at_once)
    rows.append(row("the same storing, without a server", f"{told['write']:.3f} ms"))
    return notes, rows + sockets()


def answers(told, at_once):
    direct, through = told["direct"], told["parlor"]
    stored = f"{through['stored']:.3f} ms"
    return [
        added(f"a model's first piece, {at_once}", direct["first"], through["first"], 1),
        row(f"the same request, only stored, {at_once}", stored),
        added(f"each further piece, {at_once}", direct["piece"], through["piece"], 0.1),
        row(
            f"each further piece, {at_once}, p99",
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
    """Rows of what benches/sockets says, where there is one."""
    binary = EXAMPLES / "sockets"
    if not (Path("benches/sockets.rs").exists() and binary.exists()):
        return []
    say("measuring: WebSockets")
    told = subprocess.run([binary], stdout=subprocess.PIPE, text=True, timeout=120)
    if told.returncode:
        return [row("open WebSockets", "benches/sockets failed", "**failed**")]
    opened = re.search(r"^(\d+) sockets, (opened in .*)$", told.stdout, re.MULTILINE)
    # Before and after the events.
    each = re.findall(r": ([\d.]+ kB) each$", told.stdout, re.MULTILINE)
    read = re.findall(r"read by all after (\S+)$", told.stdout, re.MULTILINE)
    count = f"{int(opened[1]):,} open WebSockets"
    return [
        row(f"{count}, idle", f"{each[0]} each; {opened[2]}"),
        row(f"{count}, one event to all", f"{read[-1]}, {each[-1]} each after it"),
    ]
