"""Pages at any offset: what each order and filter costs anywhere against its own
first page, and how the rate falls with the offset."""

import json

from common import EXAMPLES, say
from loads import count_failed, output, wrk
from queries import BEARER, DIRECTIONS, LIST, SORTS, STATUSES
from server import serve
from table import at_most, row, thousands

# Where on the way to the end the rate is measured.
SHARES = (0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9)
TARGET = at_most(3, 2)


def measure(run):
    """Notes for the head of the table, and its rows."""
    with serve(run.large, keeps=False) as server:
        say("measuring: pages at any offset")
        orders = of_orders(run, server)
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
    """Milliseconds of the first page and of one at a random offset, both ways."""

    def __init__(self, ways):
        self.first, self.anywhere = max(ways, key=lambda way: way[1] / way[0])
        self.ratio = self.anywhere / self.first


def of_orders(run, server):
    """By sort and status."""
    paths = {
        (sort, status, way): f"{LIST}?orderBy={sort}&orderDir={way}{status}"
        for sort in SORTS
        for status in STATUSES
        for way in DIRECTIONS
    }
    told = json.loads(output(run, [EXAMPLES / "pages", str(server.port), *paths.values()]))
    count_failed(told["failed"])
    p50 = dict(zip(paths, told["p50"]))
    return {
        (sort, status): Order([p50[sort, status, way] for way in DIRECTIONS])
        for sort in SORTS
        for status in STATUSES
    }


def notes(orders):
    """A table of its own."""
    head = (
        "\nA page at a random offset against the first page of the same order and filter, p50 in "
        "ms of one caller who asks one after the other, nothing kept; of the two ways the worse:\n"
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
    return f"{order.anywhere:.3f} / {order.first:.3f} = {order.ratio:.2f} ×"
