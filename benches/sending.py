"""Sending messages to the built-in assistant, against storing them alone."""

import json
import statistics

from common import EXAMPLES, ROUNDS, say
from loads import Load, count_failed, middle, output
from server import serve
from table import at_least, at_most, limited, row


def measure(run):
    """Notes for the head of the table, and its rows."""
    file = run.copy
    with serve(file) as server:
        results = {"agent": [], "assistant": []}
        for number in range(ROUNDS):
            say(f"measuring: sending, round {number + 1} of {ROUNDS}")
            for recipient, all in results.items():
                all.append(load(run, server, recipient))
        memory = server.memory()
    stored, answered = (middle([one["load"] for one in all]) for all in results.values())
    percent = 100 * answered.rate / stored.rate
    size, known = (
        statistics.median(one[name] for one in results["assistant"]) for name in ("bytes", "known")
    )
    notes = [
        "A message is sent with `stream: true` by one of 32 visitors, 20 in a conversation, "
        "10,000 passages learned; it is on the disk when it is answered, and its times are "
        f"to the first byte. The assistant's mean answer is {size:,.0f} bytes, written at once; "
        f"{100 * known:.0f} % of the answers quote a page, the others say that nothing is known."
    ]
    # An agent has taken the conversation over.
    alone = "a message stored and its conversation touched, on the disk when answered"
    asked = "sending a message to the assistant"
    rows = [
        row(alone, str(stored), target=at_least(5000, 9000, "req/s"), value=stored.rate),
        limited(f"{alone}, p99", stored.p99, at_most(25, unit="ms"), 3),
        row(
            asked,
            str(answered),
            f"{percent:.1f} % of the storing alone",
            at_least(40),
            percent,
        ),
        limited(f"{asked}, p50", answered.p50, at_most(5, unit="ms"), 3),
        limited(f"{asked}, p99", answered.p99, at_most(25, unit="ms"), 3),
        row(
            "the first question of all, which has the index made",
            f"{results['assistant'][0]['first']:.0f} ms",
        ),
        row("resident memory, after the sending", f"{memory:.1f} MB"),
    ]
    return notes, rows


def load(run, server, recipient):
    command = [EXAMPLES / "sending", "load", str(server.port), recipient, str(run.seconds)]
    result = json.loads(output(run, command))
    count_failed(result["failed"])
    return {**result, "load": Load(result["rate"], result["p50"], result["p99"])}
