"""A PostgreSQL cluster: etcd and three servers with Patroni, on this machine."""

import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

SERVERS = 3
START_TIMEOUT = 120

# The times of Patroni, in seconds. The lock of a leader that is gone expires after `ttl`.
TTL, LOOP_WAIT, RETRY_TIMEOUT = 10, 2, 3


def free_ports(count):
    """Ports that no program uses now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(what, condition, timeout=START_TIMEOUT):
    """Waits until `condition` returns something that is true, and returns it."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.1)
    raise TimeoutError(f"{what}: not within {timeout} s")


class Cluster:
    """The servers run as the user `postgres`, because PostgreSQL refuses root."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="parlor-failover-"))
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.folder.chmod(0o755)
        ports = free_ports(2 + 2 * SERVERS)
        self.etcd_ports = ports[:2]
        self.ports = ports[2:2 + SERVERS]
        self.rest_ports = ports[2 + SERVERS:]
        self.processes = {}

    def start(self):
        client, peer = (f"http://127.0.0.1:{port}" for port in self.etcd_ports)
        self.spawn("etcd", [
            "etcd", "--data-dir", self.folder / "etcd",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"default={peer}",
        ])
        for index in range(SERVERS):
            self.start_server(index)
        wait_for("all servers run", self.is_healthy)

    def stop(self):
        for name, process in list(self.processes.items()):
            if name == "etcd":
                self.kill(process)
            else:
                self.kill_server(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database="postgres"):
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"postgres://parlor@{hosts}/{database}?target_session_attrs=read-write"

    def psql(self, statement, database="postgres"):
        """Runs a statement on the leader."""
        port = self.ports[wait_for("a leader", self.leader)[0]]
        command = ["psql", "-qAt", "-h", "127.0.0.1", "-p", str(port), "-U", "parlor",
                   "-d", database, "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def leader(self):
        """The index of the leader as a list of one, or an empty list."""
        roles = (self.status(index).get("role") for index in range(SERVERS))
        return [index for index, role in enumerate(roles) if role in ("master", "primary")]

    def is_healthy(self):
        """Whether there is a leader, and the others follow it, one of them synchronously."""
        states = [self.status(index) for index in range(SERVERS)]
        leaders = [state for state in states if state.get("role") in ("master", "primary")]
        if len(leaders) != 1 or any(state.get("state") != "running" for state in states):
            return False
        replicas = leaders[0].get("replication", [])
        modes = [replica["sync_state"] for replica in replicas if replica["state"] == "streaming"]
        return len(modes) == SERVERS - 1 and "sync" in modes

    def status(self, index):
        url = f"http://127.0.0.1:{self.rest_ports[index]}/patroni"
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except (OSError, ValueError):
            return {}

    def kill_leader(self):
        """Kills the leader as if its machine had failed: Patroni and PostgreSQL at once."""
        index = wait_for("a leader", self.leader)[0]
        self.kill_server(index)
        return index

    def kill_server(self, index):
        # PostgreSQL is no child of Patroni.
        postmaster = self.folder / f"data{index}" / "postmaster.pid"
        pids = [int(postmaster.read_text().split()[0])] if postmaster.exists() else []
        self.kill(self.processes.pop(index), pids)

    def start_server(self, index):
        self.spawn(index, ["patroni", self.configuration(index)])

    def spawn(self, name, command):
        if self.user:
            identity = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups"]
            command = identity + command
        log = open(self.folder / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            cwd=self.folder, start_new_session=True,
        )

    @staticmethod
    def kill(process, others=()):
        """Kills a process, others, and the children of all."""
        roots = [process.pid, *others]
        for pid in roots + [child for pid in roots for child in descendants(pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()

    def configuration(self, index):
        local = f"127.0.0.1:{self.ports[index]}"
        rest = f"127.0.0.1:{self.rest_ports[index]}"
        text = json.dumps({
            "scope": "parlor",
            "name": f"server{index}",
            "restapi": {"listen": rest, "connect_address": rest},
            "etcd3": {"host": f"127.0.0.1:{self.etcd_ports[0]}"},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL, "loop_wait": LOOP_WAIT, "retry_timeout": RETRY_TIMEOUT,
                    # Acknowledged writes are on a second server.
                    "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True, "parameters": {
                        "max_connections": 100, "wal_log_hints": "on", "shared_buffers": "64MB",
                    }},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}],
            },
            "postgresql": {
                "listen": local, "connect_address": local,
                "data_dir": str(self.folder / f"data{index}"),
                "bin_dir": bin_folder(),
                "pgpass": str(self.folder / f"pgpass{index}"),
                "authentication": {
                    "superuser": {"username": "parlor"},
                    "replication": {"username": "replicator"},
                },
                "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust",
                           "host replication all 127.0.0.1/32 trust"],
                "parameters": {"unix_socket_directories": str(self.folder)},
            },
        }, indent=1)
        path = self.folder / f"server{index}.yml"
        path.write_text(text)  # YAML includes JSON.
        path.chmod(0o644)
        return path


def bin_folder():
    versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    return str(versions[-1])


def descendants(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    try:
        found = [int(child) for child in children.read_text().split()]
    except OSError:
        return []
    return found + [child for parent in found for child in descendants(parent)]
