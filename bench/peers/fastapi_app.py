"""The same two endpoints with FastAPI, SQLAlchemy over asyncpg and PyJWT, as people write them.

    uvicorn bench.peers.fastapi_app:app

It checks what the services check in these two requests; it has no metrics, no rate limit, no
request ids and no problems in RFC 9457's form.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import AsyncIterator
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query, Security, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ARRAY, Computed, DateTime, FetchedValue, ForeignKey, Integer, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ISSUER, AUDIENCE = os.environ["AUTH_ISSUER"], os.environ["AUTH_AUDIENCE"]
DATABASE = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1)

keys = jwt.PyJWKClient(f"{ISSUER}.well-known/jwks.json", cache_keys=True)
engine = create_async_engine(DATABASE, pool_size=10, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    """The base of the tables: moments have a time zone."""

    type_annotation_map = {dt.datetime: DateTime(timezone=True)}


class Project(Base):
    """The columns of a project that are checked."""

    __tablename__ = "projects"
    code: Mapped[str] = mapped_column(primary_key=True)
    active: Mapped[bool]
    billable: Mapped[bool]


class Week(Base):
    """The state of a person's week, and its minutes by weekday."""

    __tablename__ = "weeks"
    person: Mapped[str] = mapped_column(primary_key=True)
    monday: Mapped[dt.date] = mapped_column(primary_key=True)
    state: Mapped[str]
    minutes: Mapped[list[int]] = mapped_column(ARRAY(Integer))


class Entry(Base):
    """A row of entries."""

    __tablename__ = "entries"
    person: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    date: Mapped[dt.date]
    monday: Mapped[dt.date] = mapped_column(Computed(""))
    project: Mapped[str] = mapped_column(ForeignKey("projects.code"))
    task: Mapped[str | None]
    minutes: Mapped[int]
    note: Mapped[str]
    billable: Mapped[bool]
    source: Mapped[str]
    external_id: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default=FetchedValue())
    created_at: Mapped[dt.datetime] = mapped_column(server_default=FetchedValue())
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=FetchedValue())


class NewEntry(BaseModel):
    """The body of a request that creates an entry."""

    model_config = ConfigDict(extra="forbid")
    date: dt.date
    project: str = Field(max_length=32)
    minutes: int = Field(ge=1, le=1440)
    task: str | None = Field(None, max_length=200)
    note: str = Field("", max_length=2000)
    billable: bool | None = None


class EntryOut(BaseModel):
    """An entry in a response."""

    model_config = ConfigDict(from_attributes=True)
    id: uuid.UUID
    person: str
    date: dt.date
    project: str
    task: str | None
    minutes: int
    note: str
    billable: bool
    source: str
    external_id: str | None
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime


class Page(BaseModel):
    """A page of entries."""

    items: list[EntryOut]


async def session() -> AsyncIterator[AsyncSession]:
    """Open a database session for one request."""
    async with sessions() as opened:
        yield opened


async def caller(
    needed: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> str:
    """Return the `sub` of the token. Raises `HTTPException` with 401, or 403 without the scopes."""
    token = credentials.credentials
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER)
    except jwt.PyJWTError as error:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Invalid token") from error
    if not set(needed.scopes) <= set(claims.get("scope", "").split()):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Missing scope")
    return str(claims["sub"])


Session = Annotated[AsyncSession, Depends(session)]
Reader = Annotated[str, Security(caller, scopes=["read:timesheets"])]
Writer = Annotated[str, Security(caller, scopes=["create:timesheets"])]


@app.get("/v1/entries")
async def list_entries(
    db: Session,
    person: Reader,
    since: Annotated[dt.date, Query(alias="from")],
    until: Annotated[dt.date, Query(alias="to")],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page:
    """List the person's entries of some days, newest first."""
    statement = (
        select(Entry)
        .where(Entry.person == person, Entry.date.between(since, until))
        .order_by(Entry.date.desc(), Entry.id.desc())
        .limit(limit)
    )
    found = await db.scalars(statement)
    return Page(items=[EntryOut.model_validate(entry) for entry in found])


@app.post("/v1/entries", status_code=status.HTTP_201_CREATED)
async def create_entry(db: Session, person: Writer, new: NewEntry) -> EntryOut:
    """Create an entry of the person after the same checks as in the service."""
    project = await db.get(Project, new.project)
    if project is None or not project.active:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, "No such project")
    weekday = new.date.weekday()
    week = await db.get(Week, (person, new.date - dt.timedelta(days=weekday)))
    if week is not None and week.state != "open":
        raise HTTPException(status.HTTP_409_CONFLICT, f"The week is {week.state}")
    if week is not None and week.minutes[weekday] + new.minutes > 1440:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, "More than 24 hours a day")
    given = new.model_dump() | {
        "billable": project.billable if new.billable is None else new.billable
    }
    entry = Entry(person=person, id=uuid.uuid4(), source="app", **given)
    db.add(entry)
    await db.commit()
    await db.refresh(entry)
    return EntryOut.model_validate(entry)
