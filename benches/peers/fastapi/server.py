"""FastAPI over SQLAlchemy: `FILE=… uvicorn server:app --workers 2`."""

import os
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ForeignKey, create_engine, event, func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)

# More connections than these answer no faster, and each has a cache of its own.
engine = create_engine(f"sqlite:///{os.environ['FILE']}", pool_size=4, max_overflow=0)


@event.listens_for(engine, "connect")
def set_pragmas(connection, _):
    # The whole index, as better-sqlite3 and TrailBase have it from the start.
    connection.execute("PRAGMA cache_size = -16000")


class Base(DeclarativeBase):
    pass


class Message(Base):
    __tablename__ = "message"

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str]
    chat_uuid: Mapped[str]
    created_at: Mapped[int]
    role: Mapped[str]
    text: Mapped[str]
    status: Mapped[str]
    error: Mapped[str | None]
    feedback: Mapped[str | None]
    feedback_at: Mapped[int | None]
    metadata_: Mapped[str | None] = mapped_column("metadata")
    agent_name: Mapped[str | None]
    agent_image: Mapped[str | None]
    page_url: Mapped[str | None]
    page_title: Mapped[str | None]
    text_selection: Mapped[str | None]

    @property
    def parts(self):
        return [{"type": "text", "text": self.text}]

    @property
    def human_agent(self):
        return agent(self)


class Conversation(Base):
    __tablename__ = "conversation"

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str]
    created_at: Mapped[int]
    updated_at: Mapped[int]
    status: Mapped[str]
    closed_at: Mapped[int | None]
    close_reason: Mapped[str | None]
    last_interaction_at: Mapped[int]
    is_human_handled: Mapped[bool]
    agent_name: Mapped[str | None]
    agent_image: Mapped[str | None]
    title: Mapped[str | None]
    last_message_id: Mapped[int | None] = mapped_column("last_message", ForeignKey("message.id"))
    last_message: Mapped[Message | None] = relationship()

    @property
    def human_agent(self):
        return agent(self)


def agent(row):
    return row.agent_name and {"name": row.agent_name, "image": row.agent_image}


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Agent(Out):
    name: str
    image: str | None


class Part(Out):
    type: str
    text: str


class MessageOut(Out):
    object: Literal["message"] = "message"
    id: str = Field(validation_alias="uuid")
    created_at: datetime = Field(serialization_alias="createdAt")
    chat_id: str = Field(validation_alias="chat_uuid", serialization_alias="chatId")
    role: str
    parts: list[Part]
    status: str
    error: str | None
    feedback: str | None
    feedback_at: datetime | None = Field(serialization_alias="feedbackAt")
    metadata: str | None = Field(validation_alias="metadata_")
    human_agent: Agent | None = Field(serialization_alias="humanAgent")
    page_url: str | None = Field(serialization_alias="pageUrl")
    page_title: str | None = Field(serialization_alias="pageTitle")
    text_selection: str | None = Field(serialization_alias="textSelection")


class ConversationOut(Out):
    object: Literal["conversation"] = "conversation"
    id: str = Field(validation_alias="uuid")
    created_at: datetime = Field(serialization_alias="createdAt")
    updated_at: datetime = Field(serialization_alias="updatedAt")
    status: str
    closed_at: datetime | None = Field(serialization_alias="closedAt")
    close_reason: str | None = Field(serialization_alias="closeReason")
    last_interaction_at: datetime = Field(serialization_alias="lastInteractionAt")
    is_human_handled: bool = Field(serialization_alias="isHumanHandled")
    human_agent: Agent | None = Field(serialization_alias="humanAgent")
    title: str | None
    last_message: MessageOut | None = Field(serialization_alias="lastMessage")


class Page(BaseModel):
    object: Literal["list"] = "list"
    total: int
    limit: int
    offset: int
    data: list[ConversationOut]


def session():
    with Session(engine) as opened:
        yield opened


app = FastAPI(openapi_url=None)


@app.get("/conversations")
def conversations(
    db: Annotated[Session, Depends(session)],
    status: Literal["open", "closed"] = "open",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    offset: Annotated[int, Query(ge=0)] = 0,
    apart: bool = False,
) -> Page:
    # SQLAlchemy's own advice for "many to one" is a join; but SQLite joins the
    # rows that it skips as well, so that far behind a query apart is faster.
    load = selectinload if apart else joinedload
    matching = Conversation.status == status
    total = db.scalar(select(func.count()).select_from(Conversation).where(matching))
    rows = db.scalars(
        select(Conversation)
        .where(matching)
        .options(load(Conversation.last_message))
        .order_by(Conversation.last_interaction_at.desc(), Conversation.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return Page(total=total, limit=limit, offset=offset, data=rows)
