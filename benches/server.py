"""Servers that are measured, and what is asked of them outside the loads."""

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

from common import PARLOR

# The key of a demo's project, and how many begin sessions at once.
KEY = "sk_demo"
CALLERS = 8
# Requests whose answers are weighed.
SAMPLE = 1_000


class Server:
    """A server that prints where it listens; it ends with the `with` block."""

    def __init__(self, *command, **environment):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, **environment},
        )
        self.port = self.listening()
        if not self.port:
            self.process.kill()
            self.errors.seek(0)
            sys.exit(f"{command[0]} did not start:\n{self.errors.read()}")

    def listening(self):
        impatience = threading.Timer(30, self.process.kill)
        impatience.start()
        try:
            for line in self.process.stdout:
                if found := re.search(r" listens on http://127\.0\.0\.1:(\d+)", line):
                    return int(found[1])
        finally:
            impatience.cancel()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def memory(self, peak=False):
        """Resident, in MB: now, or the most there was."""
        name = "VmHWM" if peak else "VmRSS"
        return number_in(f"/proc/{self.process.pid}/status", name) / 1024

    def get(self, path, bearer=KEY):
        """An answer's body and its headers."""
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {bearer}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read(), answer.headers

    def mean_size(self, file):
        """Bytes of the mean answer to the first requests of a file."""
        asked = [line.split() for line in file.read_text().splitlines()[:SAMPLE]]
        return round(statistics.mean(len(self.get(path, bearer)[0]) for bearer, path in asked))

    def sessions(self, visitors):
        """A token for each of many visitors."""
        with ThreadPoolExecutor(CALLERS) as callers:
            shares = [visitors[number::CALLERS] for number in range(CALLERS)]
            return sum(callers.map(self.begun, shares), [])

    def begun(self, visitors):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        tokens = []
        for visitor in visitors:
            body = json.dumps({"apiKey": "pk_demo", "saVid": visitor})
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v2/identity/init", body, headers)
            tokens.append(json.load(connection.getresponse())["sessionToken"])
        connection.close()
        return tokens


def serve(file, keeps=True):
    """parlor over a file, without rate limits; unless it `keeps` answers, each is
    made anew."""
    listen = ("--listen", "127.0.0.1:0", "--db", file)
    environment = {"PARLOR_RATE_LIMIT": "0"} | ({} if keeps else {"PARLOR_LIST_CACHE_MB": "0"})
    return Server(PARLOR, "demo", *listen, **environment)


def number_in(file, name):
    """The number that stands behind a name in a file of the system's."""
    found = re.search(rf"^{name}:\s*(\d+)", Path(file).read_text(), re.MULTILINE)
    return int(found[1])


def processor():
    found = re.search(r"^model name\s*: *(.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else "unknown processor"
