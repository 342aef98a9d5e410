"""Kills the leader of a PostgreSQL cluster while clients write through two nodes.

Afterwards each acknowledged message is stored, no message is stored twice, and no response
had an unexpected status."""

import http.client
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
import uuid

from cluster import Cluster, free_ports, wait_for

CLIENTS = 32
KILLS = 20 if os.environ.get("PARLOR_LONG_TESTS") else 1
SEED = int(os.environ.get("PARLOR_TEST_SEED", "1"))
# The longest time without a successful write.
MAX_RECOVERY = 15
KEY = "pk_demo"
ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PARLOR") or str(ROOT / "target/debug/parlor")


class Node:
    """A parlor server."""

    def __init__(self, url, port, log):
        self.port = port
        self.log = open(log, "wb")
        limits = ["--rate-limit", "0", "--ip-rate-limit", "0"]
        self.process = subprocess.Popen(
            [PROGRAM, "demo", "--store", url, "--conversations", "0",
             "--listen", f"127.0.0.1:{port}", *limits],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )
        wait_for("the node answers", self.is_ready)

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError("the node has ended: " + pathlib.Path(self.log.name).read_text())
        try:
            return request(self.port, "GET", "/ready")[0] == 200
        except OSError:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def request(port, method, path, body=None, headers=None):
    """The status and the body of a response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        data = None if body is None else json.dumps(body)
        all_headers = {"content-type": "application/json", **(headers or {})}
        connection.request(method, path, data, all_headers)
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None
    finally:
        connection.close()


class Client(threading.Thread):
    """Sends messages in a conversation of its own, to both nodes in turn."""

    def __init__(self, index, ports, stop):
        super().__init__(daemon=True)
        self.index, self.ports, self.stop_signal = index, ports, stop
        self.acknowledged = []
        self.acknowledged_at = []
        self.retries = 0
        self.unexpected = []
        self.token = self.conversation = None

    def connect(self):
        status, session = request(self.ports[0], "POST", "/v2/identity/init", {
            "apiKey": KEY, "saVid": f"client-{self.index}-{uuid.uuid4()}",
        })
        assert status in (200, 201), (status, session)
        self.token = session["sessionToken"]
        status, created = self.send(self.ports[0], "POST", "/v2/conversations", {})
        assert status in (200, 201), (status, created)
        self.conversation = created["id"]

    def send(self, port, method, path, body=None, key=None):
        headers = {"authorization": f"Bearer {self.token}"}
        if key:
            headers["idempotency-key"] = key
        return request(port, method, path, body, headers)

    def run(self):
        number = 0
        while not self.stop_signal.is_set():
            self.write(number)
            number += 1

    def write(self, number):
        """Sends a message until a node acknowledges it."""
        text = f"message {number} of client {self.index}"
        key = str(uuid.uuid4())
        path = f"/v2/conversations/{self.conversation}/messages"
        for attempt in range(10_000):
            port = self.ports[(number + attempt) % len(self.ports)]
            try:
                status, body = self.send(port, "POST", path, {"content": text}, key)
            except (OSError, http.client.HTTPException) as error:
                status, body = type(error).__name__, str(error)
            if status in (200, 201):
                self.acknowledged.append(text)
                self.acknowledged_at.append(time.monotonic())
                return
            if status == 503:
                self.retries += 1
            else:
                self.unexpected.append((status, body))
            if self.stop_signal.is_set() and attempt > 100:
                return
            time.sleep(0.05)


def longest_pause(clients, start):
    """The longest time in which no client had a success."""
    times = sorted(moment for client in clients for moment in client.acknowledged_at)
    moments = [start, *times]
    return max(after - before for before, after in zip(moments, moments[1:]))


def kill_leaders(cluster, clients, rng):
    """Returns how long writes failed after each kill, in seconds."""
    recoveries = []
    for number in range(KILLS):
        time.sleep(rng.uniform(2, 8))
        before = sum(len(client.acknowledged) for client in clients)
        killed = cluster.kill_leader()
        start = time.monotonic()
        wait_for("writes work again", lambda: any(
            client.acknowledged_at and client.acknowledged_at[-1] > start + 0.5
            for client in list(clients)), 60)
        recovery = time.monotonic() - start
        recoveries.append(recovery)
        cluster.start_server(killed)
        wait_for("the cluster is whole", cluster.is_healthy)
        print(f"kill {number + 1}: {before} messages before it, "
              f"writes again after {recovery:.1f} s", flush=True)
    return recoveries


def check(cluster, clients, recoveries, start):
    acknowledged = {text for client in clients for text in client.acknowledged}
    query = "SELECT text, count(*) FROM message WHERE role = 'user' GROUP BY text"
    rows = (line.split("|") for line in cluster.psql(query, "parlor").splitlines())
    stored = {text: int(count) for text, count in rows}
    lost = acknowledged - stored.keys()
    twice = [text for text, count in stored.items() if count > 1]
    unexpected = [entry for client in clients for entry in client.unexpected]
    pause = longest_pause(clients, start)
    print(f"{len(acknowledged)} messages acknowledged, {len(lost)} lost, {len(twice)} twice, "
          f"{len(stored.keys() - acknowledged)} stored and not acknowledged; "
          f"{sum(client.retries for client in clients)} retries after 503; "
          f"{len(unexpected)} other errors")
    print(f"{len(recoveries)} kills, writes again after {statistics.median(recoveries):.1f} s "
          f"(median), {max(recoveries):.1f} s (longest); "
          f"longest time without a write {pause:.1f} s")
    assert not lost, sorted(lost)[:5]
    assert not twice, twice[:5]
    assert not unexpected, unexpected[:5]
    assert acknowledged
    assert pause <= MAX_RECOVERY, pause


def main():
    rng = random.Random(SEED)
    cluster, nodes = Cluster(), []
    try:
        cluster.start()
        cluster.psql("CREATE DATABASE parlor")
        url = cluster.url("parlor")
        for index, port in enumerate(free_ports(2)):
            nodes.append(Node(url, port, cluster.folder / f"node{index}.log"))
        stop = threading.Event()
        clients = [Client(index, [node.port for node in nodes], stop) for index in range(CLIENTS)]
        for client in clients:
            client.connect()
        start = time.monotonic()
        for client in clients:
            client.start()
        recoveries = kill_leaders(cluster, clients, rng)
        stop.set()
        for client in clients:
            client.join(60)
        alive = [client.index for client in clients if client.is_alive()]
        assert not alive, alive
        check(cluster, clients, recoveries, start)
        for node in nodes:
            node.stop()
        nodes = []
    except BaseException:
        for log in sorted(cluster.folder.glob("node*.log")):
            print(f"== {log.name}", log.read_text(errors="replace")[-3000:], sep="\n",
                  file=sys.stderr)
        raise
    finally:
        for node in nodes:
            node.process.kill()
        cluster.stop()


if __name__ == "__main__":
    main()
