"""Follows the Link header through all pages of every list with requests.

Run by tests/clients/run. PARLOR_URL is the URL of a running demo.
"""

import os

import requests

DEMO = os.environ["PARLOR_URL"]
# A host that does not exist. Requests to it go through a proxy, which is the server.
OTHER_HOST = "http://shop.example:8080"


def new_session(base):
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = "Bearer sk_demo"
    if base != DEMO:
        session.proxies = {"http": DEMO}
    return session


def get(session, url):
    response = session.get(url, timeout=30)
    response.raise_for_status()
    return response


def read_all(session, base, path, limit):
    """Reads a list by its `next` links. Returns the items and the number of pages."""
    items, pages = [], 0
    url = f"{base}{path}?limit={limit}"
    while url:
        assert url.startswith(f"{base}/v2/"), url
        response = get(session, url)
        items += response.json()["data"]
        pages += 1
        url = response.links.get("next", {}).get("url")
    return items, pages


def read_by_offset(session, base, path):
    items, total = [], 1
    while len(items) < total:
        page = get(session, f"{base}{path}?limit=100&offset={len(items)}").json()
        items, total = items + page["data"], page["total"]
    return items


def lists(session, base):
    """Every list of the demo, with a limit for which it has several pages."""
    project = get(session, f"{base}/v2/projects/current?apiKey=pk_demo").json()["id"]
    resources = f"/v2/projects/{project}"
    return [
        ("/v2/conversations", 100),
        (f"{resources}/qnas", 20),
        (f"{resources}/documents", 20),
    ]


for base in [DEMO, OTHER_HOST]:
    session = new_session(base)
    for path, limit in lists(session, base):
        expected = read_by_offset(session, base, path)
        items, pages = read_all(session, base, path, limit)
        assert items == expected, f"{base}{path}"
        assert pages == -(-len(expected) // limit) > 2, f"{base}{path}: {pages} pages"
        print(f"requests: {len(items)} items on {pages} pages of {base}{path}")
