"""Files of requests for the loads. A line has a bearer credential and a path."""

import random
import re

from server import KEY

LIST = "/v2/conversations"
# Options with which wrk sends the private key.
BEARER = ("-H", f"Authorization: Bearer {KEY}")
SORTS = "id createdAt updatedAt lastInterationAt status closedAt isHumanHandled title".split()
STATUSES = ("", "&status=open", "&status=closed")
DIRECTIONS = ("desc", "asc")

# The number of requests in a file, at most.
REQUESTS = 5_000
BUSIEST_VISITORS = 200
# Six orders and the offsets of the load that no cache can answer.
UNCACHED_SORTS = "createdAt updatedAt lastInterationAt closedAt isHumanHandled title".split()
UNCACHED_OFFSETS = 40_000


def write(file, requests):
    file.write_text("".join(f"{bearer} {path}\n" for bearer, path in requests))
    return file


def varied():
    """The first pages in every order, direction and status, with ten conversations
    on average."""
    paths = [
        f"{LIST}?orderBy={sort}&orderDir={direction}&limit={limit}&offset={offset}{status}"
        for sort in SORTS
        for direction in DIRECTIONS
        for status in STATUSES
        for limit in (9, 10, 11)
        for offset in range(51)
    ]
    return [(KEY, path) for path in random.sample(paths, REQUESTS)]


def offsets(rows, sort):
    """Pages at random offsets in one order."""
    random_offsets = (random.randrange(rows - 10) for _ in range(REQUESTS))
    return [(KEY, f"{LIST}?orderBy={sort}&offset={offset}") for offset in random_offsets]


def uncached(rows):
    """Pages at random offsets up to 40,000 in six orders."""
    end = min(UNCACHED_OFFSETS, rows - 10)
    return [
        (KEY, f"{LIST}?orderBy={random.choice(UNCACHED_SORTS)}&offset={random.randrange(end)}")
        for _ in range(REQUESTS)
    ]


def near_ends(rows):
    """Pages near either end, in every order and direction."""
    firsts = (*range(0, 50), *range(rows - 60, rows - 10))
    return [
        (KEY, f"{LIST}?orderBy={sort}&orderDir={direction}&offset={random.choice(firsts)}")
        for sort in SORTS
        for direction in DIRECTIONS
        for _ in range(40)
    ]


def after_cursors(server, rows):
    """Pages after a cursor, at several places of every order and direction."""
    requests = []
    for sort in SORTS:
        for direction in DIRECTIONS:
            for tenths in (1, 3, 5, 7, 9):
                offset = rows * tenths // 10
                path = f"{LIST}?orderBy={sort}&orderDir={direction}&limit=10&offset={offset}"
                _, headers = server.get(path)
                next_page = re.search(r'<[^>]*?(/v2/[^>]*)>; rel="next"', headers["Link"])
                requests.append((KEY, next_page[1]))
    return requests


def visitors(server, rows):
    """The own lists of randomly chosen visitors."""
    numbers = range(1, rows // 4)
    return own_lists(server, random.sample(numbers, min(REQUESTS, len(numbers))))


def busiest(server):
    """The own lists of the visitors with the most conversations."""
    return own_lists(server, range(1, BUSIEST_VISITORS + 1))


def own_lists(server, numbers):
    tokens = server.sessions([f"visitor-{number}" for number in numbers])
    return [(token, LIST) for token in tokens]
