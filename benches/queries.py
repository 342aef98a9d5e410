"""Files of requests for the loads: each line a bearer and a path."""

import random

from server import KEY

LIST = "/v2/conversations"
# What wrk is told to speak for the project.
BEARER = ("-H", f"Authorization: Bearer {KEY}")
SORTS = "id createdAt updatedAt lastInterationAt status closedAt isHumanHandled title".split()
STATUSES = ("", "&status=open", "&status=closed")
DIRECTIONS = ("desc", "asc")

# Requests of a file: more than are sent within a second, or fewer where there
# are no more.
MANY = 5_000
BUSIEST = 200


def written(file, asked):
    file.write_text("".join(f"{bearer} {path}\n" for bearer, path in asked))
    return file


def varied():
    """First pages and those that soon follow: every order, way and status, ten
    conversations in the mean."""
    paths = [
        f"{LIST}?orderBy={sort}&orderDir={way}&limit={limit}&offset={offset}{status}"
        for sort in SORTS
        for way in DIRECTIONS
        for status in STATUSES
        for limit in (9, 10, 11)
        for offset in range(51)
    ]
    return [(KEY, path) for path in random.sample(paths, MANY)]


def offsets(rows, sort):
    """Pages anywhere in one order."""
    drawn = (random.randrange(rows - 10) for _ in range(MANY))
    return [(KEY, f"{LIST}?orderBy={sort}&offset={offset}") for offset in drawn]


def visitors(server, rows):
    """The own lists of visitors drawn evenly from all that a demo has."""
    everyone = range(1, rows // 4)
    return own_lists(server, random.sample(everyone, min(MANY, len(everyone))))


def busiest(server):
    """The own lists of the visitors with the most conversations."""
    return own_lists(server, range(1, BUSIEST + 1))


def own_lists(server, numbers):
    tokens = server.sessions([f"visitor-{number}" for number in numbers])
    return [(token, LIST) for token in tokens]
