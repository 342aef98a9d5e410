"""Pages at random offsets: the latency in each order and filter, compared with its
first page, and the rate by offset."""

import json

from common import program, say
from loads import count_failed, output, wrk
from queries import BEARER, DIRECTIONS, LIST, SORTS, STATUSES
from server import serve
from table import at_most, row, thousands

# Offsets at which the rate is measured, as shares of the list.
SHARES = (0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9)
TARGET = at_most(3, 2)


def measure(run):
    """Notes for the head of the table, and its rows."""
    with serve(run.large, cache=False) as server:
        say("measuring: pages at any offset")
        orders = measure_orders(run, server)
        rates = {round(run.rows * share): None for share in SHARES}
        for offset in rates:
            say(f"measuring: offset {thousands(offset)}")
            path = f"{LIST}?offset={offset}"
            rates[offset] = wrk(run, server.port, path, *BEARER)
    run.results.update({f"parlor/offset/{at}": load.rate for at, load in rates.items()})
    ratios = sorted(order.ratio for order in orders.values())
    rows = [
        times("page at a random offset, the worst of 24 orders and filters", ratios[-1]),
        times("page at a random offset, the median of them", ratios[len(ratios) // 2]),
        *(row(f"page at offset {thousands(at)}", str(load)) for at, load in rates.items()),
    ]
    return [notes(orders)], rows


def times(measure, ratio):
    return row(measure, f"{ratio:.2f} × its first page", target=TARGET, value=ratio)


class Order:
    """Latencies in ms of the first page and of a page at a random offset. Of the two
    directions, the one with the larger ratio."""

    def __init__(self, directions):
        self.first, self.random = max(directions, key=lambda times: times[1] / times[0])
        self.ratio = self.random / self.first


def measure_orders(run, server):
    """An Order for each sort and status."""
    paths = {
        (sort, status, direction): f"{LIST}?orderBy={sort}&orderDir={direction}{status}"
        for sort in SORTS
        for status in STATUSES
        for direction in DIRECTIONS
    }
    result = json.loads(output(run, [program("pages"), str(server.port), *paths.values()]))
    count_failed(result["failed"])
    p50 = dict(zip(paths, result["p50"]))
    return {
        (sort, status): Order([p50[sort, status, direction] for direction in DIRECTIONS])
        for sort in SORTS
        for status in STATUSES
    }


def notes(orders):
    """A separate table."""
    head = (
        "\nA page at a random offset against the first page of the same order and filter: p50 in ms "
        "of one client, nothing cached, the slower direction:\n"
    )
    lines = [
        head,
        "| order | all | open | closed |",
        "| --- | --- | --- | --- |",
    ]
    for sort in SORTS:
        cells = (cell(orders[sort, status]) for status in STATUSES)
        lines.append(f"| {sort} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def cell(order):
    return f"{order.random:.3f} / {order.first:.3f} = {order.ratio:.2f} ×"
