"""Runs loads against a server and reads their results."""

import os
import re
import statistics
import subprocess
import sys
from typing import NamedTuple

from table import thousands

# The number of failed requests of all loads.
failed = 0


class Load(NamedTuple):
    """The result of one load: requests per second, latencies in milliseconds."""

    rate: float
    p50: float
    p99: float

    def __str__(self):
        return f"{thousands(self.rate)} req/s, p50 {self.p50:.3f} ms, p99 {self.p99:.3f} ms"


def median(loads):
    """The median of each figure."""
    return Load(*(statistics.median(column) for column in zip(*loads)))


def wrk(run, port, path, *options, requests=None, connections=32, **environment):
    """Requests one path, or the requests of a file in turn. The environment selects
    other requests of benches/wrk.lua."""
    command = ["wrk", "-t", str(min(connections, 2)), "-c", str(connections)]
    command += ["-d", str(run.seconds), "--timeout", "10s"]
    command += ["-s", "benches/wrk.lua", *options, f"http://127.0.0.1:{port}{path}"]
    if requests:
        environment["BENCH_REQUESTS"] = str(requests)
    text = output(run, command, **environment)
    result = re.search(r"^RESULT (.*)$", text, re.MULTILINE)
    if not result:
        sys.exit(f"{path}: wrk gave no result:\n{text}")
    rate, p50, p99, failures = map(float, result[1].split())
    count_failed(failures)
    return Load(rate, p50, p99)


def output(run, command, **environment):
    result = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        timeout=run.seconds + 120,
        env={**os.environ, **environment},
    )
    if result.returncode:
        sys.exit(f"{command[0]} failed")
    return result.stdout


def count_failed(more):
    global failed
    failed += int(more)
