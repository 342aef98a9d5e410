"""The client of openapi-generator, python."""

import uuid
from unittest import TestCase

import openapi_client

import visit


class Visitor:
    def __init__(self) -> None:
        self.configuration = openapi_client.Configuration(host=visit.BASE_URL)
        client = openapi_client.ApiClient(self.configuration)
        self.identity = openapi_client.IdentityApi(client)
        self.conversations = openapi_client.ConversationsApi(client)
        self.messages = openapi_client.MessagesApi(client)

    def init(self, sa_vid: str) -> str:
        request = openapi_client.InitRequest(apiKey=visit.API_KEY, saVid=sa_vid)
        session = self.identity.init(request)
        self.configuration.access_token = session.session_token
        return session.visitor.type

    def start(self, idempotency_key: str) -> uuid.UUID:
        return self.conversations.start_conversation(idempotency_key=idempotency_key).id

    def list_page(self, *, offset: int | None = None, after: str | None = None) -> visit.Page:
        response = self.conversations.get_conversations_with_http_info(
            limit=visit.PAGE_SIZE,
            offset=offset,
            after=after,
            order_by=openapi_client.ConversationOrder.CREATEDAT,
            order_dir=openapi_client.OrderDirection.DESC,
        )
        assert response.headers
        page = response.data
        return visit.Page(page.total, [item.id for item in page.data], response.headers["link"])

    def send(self, conversation_id: uuid.UUID, content: str) -> str:
        request = openapi_client.SendRequest(content=content)
        answer = self.messages.send_message(conversation_id, request)
        return answer.steps[0].content[0].text

    def stream(self, conversation_id: uuid.UUID, content: str) -> list[str]:
        request = openapi_client.SendRequest(content=content, stream=True)
        response = self.messages.send_message_without_preload_content(conversation_id, request)
        return [line.decode().rstrip() for line in response]

    def read_chunk(self, chunk: str) -> str:
        instance = openapi_client.AnswerChunk.from_json(chunk).actual_instance
        return instance.delta if isinstance(instance, openapi_client.TextDeltaChunk) else ""

    def close(self, conversation_id: uuid.UUID) -> bool:
        return self.conversations.close_conversation(conversation_id).success

    def read(self, conversation_id: uuid.UUID) -> tuple[str, list[str]]:
        conversation = self.conversations.get_conversation(conversation_id)
        return conversation.status, [message.role for message in conversation.messages]

    def read_error(self, conversation_id: uuid.UUID) -> visit.Error:
        try:
            self.conversations.get_conversation(conversation_id)
        except openapi_client.exceptions.NotFoundException as exception:
            assert isinstance(exception.data, openapi_client.ApiError), exception
            error = exception.data.error
            return visit.Error(exception.status, error.code, error.details or {})
        raise AssertionError("the conversation exists")


class OpenapiGeneratorTest(TestCase):
    def test_visit(self) -> None:
        visit.visit(self, Visitor())
