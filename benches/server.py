"""Starts the measured servers, and sends them single requests."""

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import program

# The private key of the demo.
KEY = "sk_demo"
# Threads that start sessions.
SESSION_THREADS = 8
# Requests for the mean size of a response.
SAMPLE_SIZE = 1_000
START_TIMEOUT = 30  # seconds


class Server:
    """A server that prints its address. The `with` block ends it."""

    def __init__(self, *command, **environment):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            # The other servers do not log requests either.
            env={"PARLOR_LOG_REQUESTS": "errors", **os.environ, **environment},
        )
        self.port = self.read_port()
        if not self.port:
            self.process.kill()
            self.errors.seek(0)
            sys.exit(f"{command[0]} did not start:\n{self.errors.read()}")

    def read_port(self):
        timeout = threading.Timer(START_TIMEOUT, self.process.kill)
        timeout.start()
        try:
            for line in self.process.stdout:
                if match := re.search(r" listens on http://127\.0\.0\.1:(\d+)", line):
                    return int(match[1])
        finally:
            timeout.cancel()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def memory(self, peak=False):
        """Resident memory in MB: the current or the peak value."""
        name = "VmHWM" if peak else "VmRSS"
        return number_in(f"/proc/{self.process.pid}/status", name) / 1024

    def get(self, path, bearer=KEY):
        """The body and the headers of a response."""
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {bearer}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read(), response.headers

    def mean_size(self, file):
        """The mean size in bytes of the responses to the first requests of a file."""
        requests = [line.split() for line in file.read_text().splitlines()[:SAMPLE_SIZE]]
        return round(statistics.mean(len(self.get(path, bearer)[0]) for bearer, path in requests))

    def sessions(self, visitors):
        """Starts a session of each visitor; the tokens."""
        with ThreadPoolExecutor(SESSION_THREADS) as threads:
            shares = [visitors[number::SESSION_THREADS] for number in range(SESSION_THREADS)]
            return sum(threads.map(self.start_sessions, shares), [])

    def start_sessions(self, visitors):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        tokens = []
        for visitor in visitors:
            body = json.dumps({"apiKey": "pk_demo", "saVid": visitor})
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v2/identity/init", body, headers)
            tokens.append(json.load(connection.getresponse())["sessionToken"])
        connection.close()
        return tokens


def serve(store, cache=True):
    """Starts parlor with a store (the path of a file, or the URL of a database), without
    rate limits, and with or without the list cache."""
    listen = ("--listen", "127.0.0.1:0", "--store", store)
    # The first build of the search index would run beside the measurement.
    environment = {"PARLOR_RATE_LIMIT": "0", "PARLOR_SEARCH_MESSAGES": "false"}
    environment |= {} if cache else {"PARLOR_LIST_CACHE_MB": "0"}
    return Server(program("parlor"), "demo", *listen, **environment)


def number_in(file, name):
    """The number after a name in a file of /proc."""
    match = re.search(rf"^{name}:\s*(\d+)", Path(file).read_text(), re.MULTILINE)
    return int(match[1])


def processor():
    match = re.search(r"^model name\s*: *(.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1] if match else "unknown processor"
