"""Rows of the result table, and their targets."""

from typing import NamedTuple

COLUMNS = ("measure", "figure", "ratio")
TARGET_COLUMNS = ("must", "strive for", "reached")


class Target(NamedTuple):
    """A required limit and, optionally, a stricter one to strive for."""

    sign: str
    must: float
    strive: float | None
    unit: str

    def text(self, limit):
        return "–" if limit is None else f"{self.sign} {limit:,} {self.unit}"

    def reached(self, value):
        if not self.holds(value, self.must):
            return "**no**"
        if self.strive is None:
            return "yes"
        return "strive" if self.holds(value, self.strive) else "must"

    def holds(self, value, limit):
        return value >= limit if self.sign == "≥" else value <= limit


def at_least(must, strive=None, unit="%"):
    return Target("≥", must, strive, unit)


def at_most(must, strive=None, unit="×"):
    return Target("≤", must, strive, unit)


def row(measure, figure, ratio="–", target=None, value=None):
    """A row. The value is compared with the target."""
    if target is None:
        return (measure, figure, ratio, "–", "–", "–")
    limits = (target.text(target.must), target.text(target.strive))
    return (measure, figure, ratio, *limits, target.reached(value))


def limited(measure, value, target, digits=0):
    """A row without a ratio."""
    return row(measure, f"{value:,.{digits}f} {target.unit}", target=target, value=value)


def show(columns, rows, with_targets):
    head = (*columns, *TARGET_COLUMNS) if with_targets else columns
    for cells in [head, ("---",) * len(head), *rows]:
        print("| " + " | ".join(cells[: len(head)]) + " |")


def thousands(number):
    return f"{number:,.0f}"
