"""Runs parlor, a stand-in for a model and Prometheus, sends requests, and checks that
Prometheus accepts the rules and has data for each query of the dashboard."""

import http.server
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT = 90  # seconds
RATE_INTERVAL = "15s"

folder, docs = map(pathlib.Path, sys.argv[1:])
processes = []


class Model(http.server.BaseHTTPRequestHandler):
    """Answers as an OpenAI-compatible server does. Fails questions with "fail"."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_failure = "fail" in json.loads(body)["messages"][-1]["content"]
        self.send_response(400 if is_failure else 200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if is_failure:
            return
        for delta, reason in [({"content": "Hello."}, None), ({}, "stop")]:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_):
        pass


def start_model():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def start(command, log, **environment):
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=open(folder / log, "w"),
        stderr=subprocess.STDOUT,
        env={**os.environ, **environment},
    )
    processes.append(process)
    return process


def wait_for(what, condition):
    """Polls the condition until it returns a value."""
    deadline = time.monotonic() + TIMEOUT
    while not (value := condition()):
        if time.monotonic() > deadline:
            for log in folder.glob("*.log"):
                sys.stderr.write(f"== {log.name}\n{log.read_text()}\n")
            sys.exit(f"timed out waiting until {what}")
        for process in processes:
            if process.poll() is not None:
                sys.exit(f"{process.args[0]} ended:\n{(folder / 'parlor.log').read_text()}")
        time.sleep(0.1)
    return value


def find_in_log(log, pattern):
    return wait_for(f"{log} has {pattern}", lambda: re.search(pattern, (folder / log).read_text()))


def start_parlor(model_port):
    start(
        [os.environ["PARLOR"], "serve", "--log-requests", "errors"],
        "parlor.log",
        PARLOR_LISTEN="127.0.0.1:0",
        PARLOR_METRICS_LISTEN="127.0.0.1:0",
        PARLOR_DB=str(folder / "parlor.db"),
        PARLOR_BACKUP_DIR=str(folder / "backups"),
        PARLOR_MODEL_URL=f"http://127.0.0.1:{model_port}/v1",
        PARLOR_MODEL="stand-in",
        PARLOR_MODEL_PRIVATE_NETWORK="true",
    )
    log = find_in_log("parlor.log", r"listens on (http://[0-9.:]+)")
    metrics = find_in_log("parlor.log", r"metrics are on http://([0-9.:]+)/metrics")
    keys = {kind: re.search(rf"{kind} +(\S+)", log.string)[1] for kind in ["publishable", "private"]}
    return log[1], metrics[1], keys


def start_prometheus(target):
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(docs / "alerts.yml")],
        "scrape_configs": [
            {"job_name": "parlor", "static_configs": [{"targets": [target]}]},
        ],
    }
    # YAML is a superset of JSON.
    (folder / "prometheus.yml").write_text(json.dumps(config))
    start(
        [
            "prometheus",
            "--config.file=prometheus.yml",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            "--web.listen-address=127.0.0.1:0",
        ],
        "prometheus.log",
    )
    log = find_in_log("prometheus.log", r"msg=\"Listening on\" address=(127\.0\.0\.1:[0-9]+)")
    return f"http://{log[1]}"


def request(url, credential=None, body=None):
    """Returns the JSON of a response, also of an error."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if credential:
        headers["Authorization"] = f"Bearer {credential}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)


class Load:
    """Sends requests of each kind until the `with` block ends."""

    def __init__(self, url, keys):
        self.url, self.keys, self.is_over = f"{url}/v2", keys, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def run(self):
        new = {"apiKey": self.keys["publishable"], "saVid": "device"}
        token = request(f"{self.url}/identity/init", body=new)["sessionToken"]
        builtin = subprocess.run(
            [os.environ["PARLOR"], "assistants", "create", "--name", "Quotes", "--answerer", "builtin"],
            env={**os.environ, "PARLOR_DB": str(folder / "parlor.db")},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()[0]
        while not self.is_over.wait(0.1):
            conversations = f"{self.url}/conversations"
            chat = request(conversations, token, {})["id"]
            for content in ["Hello", "fail"]:
                request(f"{conversations}/{chat}/messages", token, {"content": content})
            question = {"messages": [{"role": "user", "content": "Hello"}], "assistantId": builtin}
            request(f"{self.url}/chat/completions", self.keys["private"], question)
            for _ in range(3):
                request(conversations, self.keys["private"])
            request(f"{self.url}/nothing")


def check_metrics(target):
    with urllib.request.urlopen(f"http://{target}/metrics") as response:
        metrics = response.read()
    subprocess.run(["promtool", "check", "metrics"], input=metrics, check=True)


def query(prometheus, expression):
    """The values of an instant query that are numbers."""
    for variable, value in [("$instance", ".*"), ("$__rate_interval", RATE_INTERVAL)]:
        expression = expression.replace(variable, value)
    parameters = urllib.parse.urlencode({"query": expression})
    response = request(f"{prometheus}/api/v1/query?{parameters}")
    if response["status"] != "success":
        sys.exit(f"{response['error']}: {expression}")
    samples = response["data"]["result"]
    return [value for sample in samples if math.isfinite(value := float(sample["value"][1]))]


def check_dashboard(prometheus):
    dashboard = json.loads((docs / "dashboard.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    count = 0
    for panel in panels:
        for target in panel["targets"]:
            expression = target["expr"]
            wait_for(
                f"the panel {panel['title']!r} shows data: {expression}",
                lambda: query(prometheus, expression),
            )
            count += 1
    print(f"{len(panels)} panels with {count} queries show data")


def check_alerts(prometheus):
    def rules():
        groups = request(f"{prometheus}/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def are_evaluated():
        return all(rule["health"] != "unknown" for rule in rules())

    wait_for("Prometheus has evaluated the alerts", are_evaluated)
    for rule in rules():
        if rule["health"] != "ok":
            sys.exit(f"{rule['name']}: {rule.get('lastError')}")
    print(f"{len(rules())} alerts are evaluated")


def is_ready(prometheus):
    """Until Prometheus is ready, it answers with texts instead of JSON."""
    try:
        urllib.request.urlopen(f"{prometheus}/-/ready").close()
        return True
    except OSError:
        return False


def main():
    url, target, keys = start_parlor(start_model())
    prometheus = start_prometheus(target)
    wait_for("Prometheus is ready", lambda: is_ready(prometheus))
    with Load(url, keys):
        check_dashboard(prometheus)
        check_alerts(prometheus)
        check_metrics(target)


try:
    main()
finally:
    for process in processes:
        process.terminate()
        process.wait()
