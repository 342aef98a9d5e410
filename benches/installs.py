"""The peers of benches/run: how each is installed, started and told.

Each has one version, pinned in benches/peers/<name> with all that it needs, and
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

from common import FOLDER, PARLOR, digest, say

SOURCES = Path("benches/peers")
HOME = FOLDER / "peers"
CORES = str(os.cpu_count())
NODE = Path(shutil.which("node") or "/usr/bin/node").resolve().parents[1]
# For Debian, for Node, and to compile better-sqlite3 against the Node that is here.
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
    # What it is made of, with the version of each.
    pinned: str
    # Programs or files, each with the Debian package that has it.
    needs: dict
    # Commands, run in its folder.
    install: list
    # From its folder, that of the rows and a port to what starts it.
    command: Callable
    # The path of a page, its offset left out.
    page: str
    # From a parsed answer to the total, and when each conversation was last touched.
    read: Callable
    # The same page written by somebody who knows how SQLite skips rows.
    deep: str = None
    headers: dict = {}


class Missing(Exception):
    """Why a peer isn't there."""


def installed(peer):
    """The folder of a peer. What is installed already is left alone while nothing
    of it has changed."""
    HOME.mkdir(exist_ok=True)
    folder, of = HOME / peer.name, digest(f"{SOURCES}/{peer.name}/**/*")
    mark = HOME / f"{peer.name}.installed"
    if not mark.exists() or mark.read_text() != of:
        say(f"installing {peer.pinned}")
        shutil.copytree(SOURCES / peer.name, folder, dirs_exist_ok=True)
        with open(HOME / f"{peer.name}.log", "w") as log:
            packages(peer, log)
            for command in peer.install:
                logged(command, log, folder)
        mark.write_text(of)
    return folder


def packages(peer, log):
    """What it needs of the system."""
    missing = [
        package
        for need, package in peer.needs.items()
        if not shutil.which(need) and not glob(need)
    ]
    if missing:
        logged(["apt-get", "update"], log)
        logged(["apt-get", "install", "-y", "--no-install-recommends", *missing], log)


def logged(command, log, folder=None):
    """Runs a command that tells the log what it does."""
    try:
        subprocess.run(command, cwd=folder, stdout=log, stderr=log, env=ENVIRONMENT, check=True)
    except (OSError, subprocess.CalledProcessError):
        told = " ".join([Path(command[0]).name, *map(str, command[1:])])
        raise Missing(f"`{told}` failed, see {os.path.relpath(log.name)}") from None


def pinned(file, **names):
    """Names with the versions that the file pins: `Express 5.3.0 + …`."""
    text = (SOURCES / file).read_text()
    versions = {
        name: re.search(rf"\b{package}\b\W+(?:version\W+)?(\d[\d.]*\d)", text)[1]
        for name, package in names.items()
    }
    return " + ".join(f"{name} {version}" for name, version in versions.items())


# ── Each of them ──

ENSUREPIP = {f"{Path(os.__file__).parent}/ensurepip": "python3-venv"}
VENV = [
    [sys.executable, "-m", "venv", "--clear", "venv"],
    ["venv/bin/pip", "install", "--quiet", "--no-deps", "-r", "requirements.txt"],
]
COMPILER = {"c++": "g++", "make": "make"}


def stamp(text):
    """Milliseconds since 1970."""
    return round(1000 * datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def like_parlor(answer):
    return answer["total"], [stamp(row["lastInteractionAt"]) for row in answer["data"]]


def parlor(run):
    return Peer(
        "parlor",
        "parlor",
        "parlor",
        {},
        [],
        lambda home, rows, port: [
            *("env", "PARLOR_RATE_LIMIT=0", "PARLOR_LIST_CACHE_MB=0", PARLOR, "demo", "--db", run.large),
            *("--listen", f"127.0.0.1:{port}"),
        ],
        "/v2/conversations?status=open&limit=10&offset={}",
        like_parlor,
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
        like_parlor,
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
        like_parlor,
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
        # What else it would look for, facets to suggest, takes longer than the page.
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


PEERS = (express, fastapi, datasette, trailbase)
