"""Loads: what is sent to a server for some seconds, and what came of it."""

import os
import re
import statistics
import subprocess
import sys
from typing import NamedTuple

from table import thousands

# Requests that failed, of all loads together.
failed = 0


class Load(NamedTuple):
    """What one run of a load gave: requests a second, milliseconds."""

    rate: float
    p50: float
    p99: float

    def __str__(self):
        return f"{thousands(self.rate)} req/s, p50 {self.p50:.3f} ms, p99 {self.p99:.3f} ms"


def middle(loads):
    """The median of each figure."""
    return Load(*(statistics.median(column) for column in zip(*loads)))


def wrk(run, port, path, *options, requests=None, **environment):
    """Asks for one path, or for those of a file of requests in turn; what else
    benches/wrk.lua can send is told by its environment."""
    command = ["wrk", "-t", "2", "-c", "32", "-d", str(run.seconds), "--timeout", "10s"]
    command += ["-s", "benches/wrk.lua", *options, f"http://127.0.0.1:{port}{path}"]
    if requests:
        environment["BENCH_REQUESTS"] = str(requests)
    text = output(run, command, **environment)
    result = re.search(r"^RESULT (.*)$", text, re.MULTILINE)
    if not result:
        sys.exit(f"{path}: wrk gave no result:\n{text}")
    rate, p50, p99, lost = map(float, result[1].split())
    count_failed(lost)
    return Load(rate, p50, p99)


def output(run, command, **environment):
    told = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        timeout=run.seconds + 120,
        env={**os.environ, **environment},
    )
    if told.returncode:
        sys.exit(f"{command[0]} failed")
    return told.stdout


def count_failed(more):
    global failed
    failed += int(more)
