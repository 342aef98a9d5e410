"""Draws docs/speed.svg from the results of a run.

The results are `peers/<server>/<offset>`, the rates of pages of open
conversations, parlor's among them, and `parlor/offset/<offset>`, parlor's rates
over all conversations. A run without peers gives a picture without them.
"""

import math
from pathlib import Path

from table import thousands

FILE = Path("docs/speed.svg")
WIDTH, MARGIN = 760, 24
# The left and right ends of the scale.
LEFT, RIGHT = 252, 690
ROW = 34
CURVE = 150

STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 11.5px; fill: #59636e }
  .own { font-weight: 600 }
  .end { text-anchor: end }
  .middle { text-anchor: middle }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .link { stroke: #818b98; stroke-width: 2 }
  .first { fill: #0969da; stroke: #0969da }
  .deep { fill: #bc4c00; stroke: #bc4c00 }
  .curve { fill: none; stroke: #0969da; stroke-width: 2.5; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .link { stroke: #656c76 }
    .first { fill: #4493f8; stroke: #4493f8 }
    .deep { fill: #f0883e; stroke: #f0883e }
    .curve { stroke: #4493f8 }
  }
"""


def draw(results):
    of_peers, of_parlor = rates(results, "peers"), rates(results, "parlor/offset")
    picture = Picture()
    if of_peers:
        compare(picture, of_peers, results["rows"])
    if of_parlor:
        curve(picture, of_parlor, results["rows"])
    FILE.write_text(picture.text())


def rates(results, prefix):
    """The results whose names have a prefix: rates by offset, or by name and offset."""
    found = {}
    for name, rate in results.items():
        if name.startswith(f"{prefix}/"):
            *path, offset = name.removeprefix(f"{prefix}/").split("/")
            place = found.setdefault(path[0], {}) if path else found
            place[int(offset)] = rate
    return found


class Picture:
    """Lines of SVG, one panel below the other."""

    def __init__(self):
        self.lines, self.bottom = [], MARGIN

    def add(self, line):
        self.lines.append(line)

    def text_at(self, x, y, text, style=""):
        safe = text.replace("&", "&amp;").replace("<", "&lt;")
        self.add(f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{safe}</text>')

    def line(self, x1, y1, x2, y2, style):
        self.add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>')

    def dot(self, x, y, style):
        self.add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" class="{style}"/>')

    def heading(self, title, more):
        self.text_at(MARGIN, self.bottom + 8, title, "title")
        self.text_at(MARGIN, self.bottom + 28, more, "small")
        self.bottom += 46

    def text(self):
        size = f'width="{WIDTH}" height="{self.bottom:.0f}" viewBox="0 0 {WIDTH} {self.bottom:.0f}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        title = "<title>Requests per second of parlor and of others</title>"
        return "\n".join([head, title, f"<style>{STYLE}</style>", *self.lines, "</svg>", ""])


# ── parlor and others ──


def compare(picture, of_peers, rows):
    """A dot for the first page and one for the deep page of each server."""
    offset = max(max(rates) for rates in of_peers.values())
    picture.heading(
        "Requests per second",
        f"a page of 10 open conversations, newest first, with their last messages and the exact "
        f"total, of {thousands(rows)}; logarithmic",
    )
    legend(picture, offset)
    fastest = max(max(rates.values()) for rates in of_peers.values())
    slowest = min(min(rates.values()) for rates in of_peers.values())
    scale = Scale(math.floor(math.log10(max(slowest, 1))), math.ceil(math.log10(fastest)))
    top, bottom = picture.bottom, picture.bottom + ROW * len(of_peers)
    for power in range(scale.low, scale.high + 1):
        x = scale.place(10**power)
        picture.line(x, top, x, bottom, "grid")
        picture.text_at(x, bottom + 16, thousands(10**power), "small middle")
    in_order = sorted(of_peers.items(), key=lambda server: -server[1][0])
    for number, (name, rates) in enumerate(in_order):
        server(picture, scale, top + ROW * (number + 0.5), name, rates[0], rates[offset])
    picture.bottom = bottom + 52


class Scale:
    """Powers of ten, from left to right."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def place(self, value):
        part = (math.log10(max(value, 10**self.low)) - self.low) / (self.high - self.low)
        return LEFT + part * (RIGHT - LEFT)


def legend(picture, offset):
    y = picture.bottom
    picture.dot(MARGIN + 6, y, "first")
    picture.text_at(MARGIN + 18, y + 4, "first page")
    picture.dot(MARGIN + 116, y, "deep")
    picture.text_at(MARGIN + 128, y + 4, f"offset {thousands(offset)}")
    picture.bottom += 20


def server(picture, scale, y, name, first, deep):
    places = [(scale.place(deep), deep, "deep"), (scale.place(first), first, "first")]
    low, high = sorted(places)
    own = "own" if name == "parlor" else ""
    picture.text_at(MARGIN, y + 4, name, own)
    picture.line(low[0], y, high[0], y, "link")
    for x, _, style in places:
        picture.dot(x, y, style)
    picture.text_at(low[0] - 10, y + 4, format_rate(low[1]), f"{own} end")
    picture.text_at(high[0] + 10, y + 4, format_rate(high[1]), own)


def format_rate(rate):
    return thousands(rate) if rate >= 10 else f"{rate:.1f}"


# ── parlor at any offset ──


def curve(picture, of_offset, rows):
    """The rate over the offset."""
    picture.heading(
        "parlor at any offset",
        f"requests per second for a page of 10, of {thousands(rows)} conversations, over its offset; "
        "nothing cached",
    )
    top, bottom = picture.bottom, picture.bottom + CURVE
    step = round_up(max(of_offset.values()) / 4)
    highest = step * math.ceil(max(of_offset.values()) / step)
    left = MARGIN + 56

    def x_of(offset):
        return left + offset / rows * (RIGHT - left)

    def y_of(rate):
        return bottom - rate / highest * (bottom - top)

    for number in range(round(highest / step) + 1):
        y = y_of(number * step)
        picture.line(left, y, RIGHT, y, "grid")
        picture.text_at(left - 10, y + 4, thousands(number * step), "small end")
    points = sorted(of_offset.items())
    path = " ".join(f"{x_of(offset):.1f},{y_of(rate):.1f}" for offset, rate in points)
    picture.add(f'<polyline points="{path}" class="curve"/>')
    for offset, rate in points:
        picture.dot(x_of(offset), y_of(rate), "first")
        # The labels of the smallest offsets would overlap.
        if offset == 0 or offset >= rows / 20:
            picture.text_at(x_of(offset), bottom + 20, thousands(offset), "small middle")
    picture.bottom = bottom + 44


def round_up(step):
    """The next number of the form 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(step))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= step)
