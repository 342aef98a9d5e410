"""The client of openapi-python-client."""

import json
import uuid
from unittest import TestCase

from parlor_client import AuthenticatedClient, Client, models
from parlor_client.api.conversations import (
    close_conversation,
    get_conversation,
    get_conversations,
    start_conversation,
)
from parlor_client.api.identity import init
from parlor_client.api.messages import send_message
from parlor_client.types import UNSET

import visit


class Visitor:
    client: AuthenticatedClient

    def init(self, sa_vid: str) -> str:
        body = models.InitRequest(api_key=visit.API_KEY, sa_vid=sa_vid)
        with Client(visit.BASE_URL) as client:
            session = init.sync(client=client, body=body)
        assert isinstance(session, models.Session), session
        self.client = AuthenticatedClient(visit.BASE_URL, token=session.session_token)
        return session.visitor.type_

    def start(self, idempotency_key: str) -> uuid.UUID:
        conversation = start_conversation.sync(client=self.client, idempotency_key=idempotency_key)
        assert isinstance(conversation, models.ConversationFull), conversation
        return conversation.id

    def list_page(self, *, offset: int | None = None, after: str | None = None) -> visit.Page:
        response = get_conversations.sync_detailed(
            client=self.client,
            limit=visit.PAGE_SIZE,
            offset=UNSET if offset is None else offset,
            after=UNSET if after is None else after,
            order_by=models.ConversationOrder.CREATEDAT,
            order_dir=models.OrderDirection.DESC,
        )
        page = response.parsed
        assert isinstance(page, models.ConversationList), page
        return visit.Page(page.total, [item.id for item in page.data], response.headers["link"])

    def send(self, conversation_id: uuid.UUID, content: str) -> str:
        body = models.SendRequest(content=content)
        answer = send_message.sync(conversation_id, client=self.client, body=body)
        assert isinstance(answer, models.Answer), answer
        return answer.steps[0].content[0].text

    def stream(self, conversation_id: uuid.UUID, content: str) -> list[str]:
        body = models.SendRequest(content=content, stream=True)
        request = send_message._get_kwargs(conversation_id, body=body)
        with self.client.get_httpx_client().stream(**request) as response:
            return list(response.iter_lines())

    def read_chunk(self, chunk: str) -> str:
        fields = json.loads(chunk)
        if fields["type"] != models.TextDeltaChunkType.TEXT_DELTA:
            return ""
        return models.TextDeltaChunk.from_dict(fields).delta

    def close(self, conversation_id: uuid.UUID) -> bool:
        result = close_conversation.sync(conversation_id, client=self.client)
        assert isinstance(result, models.CloseResult), result
        return result.success

    def read(self, conversation_id: uuid.UUID) -> tuple[str, list[str]]:
        conversation = get_conversation.sync(conversation_id, client=self.client)
        assert isinstance(conversation, models.ConversationFull), conversation
        return conversation.status, [message.role for message in conversation.messages]

    def read_error(self, conversation_id: uuid.UUID) -> visit.Error:
        response = get_conversation.sync_detailed(conversation_id, client=self.client)
        assert isinstance(response.parsed, models.ApiError), response
        error = response.parsed.error
        assert error.details
        return visit.Error(response.status_code, error.code, error.details.to_dict())


class OpenapiPythonClientTest(TestCase):
    def test_visit(self) -> None:
        visit.visit(self, Visitor())
