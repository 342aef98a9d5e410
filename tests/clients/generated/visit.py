"""A visit of a website, the same for each generated Python client."""

import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from unittest import TestCase
from urllib.parse import parse_qs, urlsplit

# The base URL of the API of the running demo.
BASE_URL = os.environ["PARLOR_URL"] + "/v2"

# The publishable key of the demo.
API_KEY = "pk_demo"

PAGE_SIZE = 2


@dataclass
class Page:
    """A page of conversations, with the Link header of the response."""

    total: int
    ids: list[uuid.UUID]
    link: str


@dataclass
class Error:
    """An error of the API."""

    status: int
    code: str
    details: Mapping[str, Any]


class Client(Protocol):
    """The requests of the visit. All but `read_error` raise if the response is an error."""

    def init(self, sa_vid: str) -> str:
        """Starts a session, which the other requests use. Returns the type of the visitor."""

    def start(self, idempotency_key: str) -> uuid.UUID: ...

    def list_page(self, *, offset: int | None = None, after: str | None = None) -> Page:
        """Lists PAGE_SIZE conversations, the newest first."""

    def send(self, conversation_id: uuid.UUID, content: str) -> str:
        """Returns the text of the answer."""

    def stream(self, conversation_id: uuid.UUID, content: str) -> list[str]:
        """Returns the lines of the stream of the answer."""

    def read_chunk(self, chunk: str) -> str:
        """Parses a chunk of a stream. Returns its piece of the answer, or nothing."""

    def close(self, conversation_id: uuid.UUID) -> bool: ...

    def read(self, conversation_id: uuid.UUID) -> tuple[str, list[str]]:
        """Returns the status of the conversation and the roles of its messages."""

    def read_error(self, conversation_id: uuid.UUID) -> Error:
        """Reads a conversation that does not exist."""


def visit(test: TestCase, client: Client) -> None:
    test.assertEqual(client.init(str(uuid.uuid4())), "anonymous")
    started = [client.start(str(uuid.uuid4())) for _ in range(5)]
    by_offset = list_by_offset(client)
    test.assertEqual(sorted(by_offset), sorted(started))
    test.assertEqual(list_by_cursor(client), by_offset)

    idempotency_key = str(uuid.uuid4())
    conversation_id = client.start(idempotency_key)
    test.assertEqual(client.start(idempotency_key), conversation_id)
    test.assertIn("working days", client.send(conversation_id, "How long does shipping take?"))
    lines = client.stream(conversation_id, "And to Spain?")
    chunks = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    test.assertEqual(chunks.pop(), "[DONE]")
    test.assertTrue("".join(map(client.read_chunk, chunks)))

    test.assertTrue(client.close(conversation_id))
    test.assertEqual(
        client.read(conversation_id), ("closed", ["user", "assistant", "user", "assistant"])
    )

    absent = uuid.uuid4()
    error = Error(404, "CONVERSATION_NOT_FOUND", {"conversationId": str(absent)})
    test.assertEqual(client.read_error(absent), error)


def list_by_offset(client: Client) -> list[uuid.UUID]:
    """Returns the ids of all pages."""
    page = client.list_page()
    ids = page.ids
    while len(ids) < page.total:
        page = client.list_page(offset=len(ids))
        ids += page.ids
    return ids


def list_by_cursor(client: Client) -> list[uuid.UUID]:
    """Returns the ids of all pages. Takes the cursor from the `next` link of each page."""
    page = client.list_page()
    ids = page.ids
    while link := re.search('<([^>]*)>; rel="next"', page.link):
        (cursor,) = parse_qs(urlsplit(link[1]).query)["after"]
        page = client.list_page(after=cursor)
        ids += page.ids
    return ids
