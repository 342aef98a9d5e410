"""Learns pages and asks questions over the HTTP API of a server of its own."""

import http.client
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.parse

START_TIMEOUT_S = 600
EMBEDDING_DELAY_S = 10
FALLBACK = "This is not known."


class Server:
    """A running server with a new file in a folder."""

    def __init__(self, parlor: str, folder: pathlib.Path):
        self.parlor, self.db = parlor, folder / "parlor.db"
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [parlor, "serve", "--db", str(self.db), "--listen", "127.0.0.1:0"],
            env=os.environ | {"PARLOR_RATE_LIMIT": "0"},
            stdout=self.log,
            stderr=self.log,
        )

    def __enter__(self):
        self.key = self.wait_for(r"publishable +(pk_\S+)")
        self.host = self.wait_for(r"listens on http://([0-9.:]+)")
        assistant = self.run("assistants", "list").split()[0]
        self.run("assistants", "set", assistant, "--fallback", FALLBACK)
        return self

    def __exit__(self, *_error):
        self.process.terminate()
        self.process.wait()

    def run(self, *arguments: str) -> str:
        """Runs a command of parlor on the file and returns its output."""
        command = [self.parlor, *arguments, "--db", str(self.db)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"parlor {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    def learn(self, pages: pathlib.Path, base_url: str) -> str:
        """Learns a folder, with its vectors if the environment names an embedding."""
        summary = self.run("learn", str(pages), "--base-url", base_url, "--clean-urls")
        if any(os.environ.get(f"PARLOR_EMBEDDING_{name}") for name in ("URL", "DIR")):
            # The server reads the vectors of other processes each second.
            time.sleep(EMBEDDING_DELAY_S)
        return summary

    def wait_for(self, pattern: str) -> str:
        """Returns the first group of the pattern in the log, as soon as it is there."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            self.log.seek(0)
            if match := re.search(pattern, self.log.read()):
                return match.group(match.lastindex or 0)
            time.sleep(0.05)
        self.log.seek(0)
        raise SystemExit(f"the server did not write {pattern!r}:\n{self.log.read()}")


class Visitor:
    """A visitor of a running server."""

    def __init__(self, server: Server, number: int):
        self.key = server.key
        self.connection = http.client.HTTPConnection(server.host, timeout=60)
        self.token = None
        body = {"apiKey": server.key, "saVid": f"visitor-{number}"}
        self.token = self.request("POST", "/v2/identity/init", body)["sessionToken"]

    def request(self, method: str, path: str, body=None) -> dict:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self.connection.request(method, path, body and json.dumps(body), headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise SystemExit(f"{method} {path}: {response.status} {text.decode()}")
        return json.loads(text)

    def search(self, text: str) -> list[str]:
        """Returns the addresses of the first three results."""
        query = urllib.parse.urlencode({"q": text, "size": 3, "apiKey": self.key})
        return [result["url"] for result in self.request("GET", f"/v2/search?{query}")["results"]]

    def ask(self, messages: list[str]) -> str:
        """Sends messages in a new conversation and returns the answer to the last one."""
        started = self.request("POST", "/v2/conversations", {})
        conversation = started.get("conversation", started)["id"]
        path = f"/v2/conversations/{conversation}/messages"
        for message in messages:
            answer = self.request("POST", path, {"content": message})
        parts = [part for step in answer["steps"] for part in step["content"]]
        return "".join(part["text"] for part in parts if part["type"] == "text")


def cited_urls(answer: str) -> list[str]:
    return re.findall(r"^\[\d+\]: <?(\S+?)>?(?: \".*\")?$", answer, re.MULTILINE)
