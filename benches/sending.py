"""Messages to the built-in assistant, compared with messages that are only stored."""

import json
import statistics

from common import ROUNDS, program, say
from loads import Load, count_failed, median, output
from server import serve
from table import at_least, at_most, limited, row

VISITORS = 32


def measure(run):
    """Notes for the head of the table, and its rows."""
    file = run.copy
    with serve(file) as server:
        results = {"agent": [], "assistant": []}
        for number in range(ROUNDS):
            say(f"measuring: sending, round {number + 1} of {ROUNDS}")
            for recipient, rounds in results.items():
                rounds.append(run_load(run, server, recipient))
        memory = server.memory()
    stored, answered = (
        median([result["load"] for result in rounds]) for rounds in results.values()
    )
    percent = 100 * answered.rate / stored.rate
    size, with_source = (
        statistics.median(result[name] for result in results["assistant"])
        for name in ("bytes", "known")
    )
    notes = [
        f"A message is sent with `stream: true` by one of {VISITORS} visitors, 20 in a conversation, "
        "with 10,000 passages stored. It is on the disk before the response; latencies are to "
        f"the first byte. The mean answer has {size:,.0f} bytes, sent at once; "
        f"{100 * with_source:.0f} % of the answers quote a page, the others are the fallback."
    ]
    # An agent has the conversation.
    alone = "a message stored and its conversation updated, on the disk before the response"
    answered_title = "a message to the assistant"
    rows = [
        row(alone, str(stored), target=at_least(5000, 9000, "req/s"), value=stored.rate),
        limited(f"{alone}, p99", stored.p99, at_most(25, unit="ms"), 3),
        row(
            answered_title,
            str(answered),
            f"{percent:.1f} % of only storing",
            at_least(40),
            percent,
        ),
        limited(f"{answered_title}, p50", answered.p50, at_most(5, unit="ms"), 3),
        limited(f"{answered_title}, p99", answered.p99, at_most(25, unit="ms"), 3),
        row(
            "the first question, which builds the index",
            f"{results['assistant'][0]['first']:.0f} ms",
        ),
        row("resident memory, after the sending", f"{memory:.1f} MB"),
    ]
    return notes, rows


def run_load(run, server, recipient, visitors=VISITORS):
    command = [program("sending"), "load", str(server.port), recipient, str(visitors), str(run.seconds)]
    result = json.loads(output(run, command))
    count_failed(result["failed"])
    return {**result, "load": Load(result["rate"], result["p50"], result["p99"])}
