"""A contractors' company that uploads its people's hours."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

import asyncpg

from services.entries.store.people import learn_people
from tests.api.entries.calendar import Week
from tests.support.client import Caller, Reply, Service
from tests.support.issuer import Issuer

CLIENT = "agency"
CSV, NDJSON = "text/csv", "application/x-ndjson"
HEADER = "external_id,person,date,project,minutes,hours,task,note,billable"

_numbers = itertools.count()


def row(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "external_id": f"row-{number}",
        "person": "auth0|erin",
        "date": Week.MONDAY,
        "project": "APOLLO",
        "minutes": 60,
        **fields,
    }


def ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in rows)


async def learn(connection: asyncpg.Connection, person: str, **fields: Any) -> None:
    """Let entries know of somebody, as profile's feed would."""
    await learn_people(
        connection,
        [
            {
                "person": f"auth0|{person}",
                "name": person.title(),
                "email": f"{person}@exampleco.com",
                "kind": "contractor",
                "manager": "auth0|maya",
                "active": True,
                "external_ids": {"agency": f"A-{person}"},
                "uploaders": [CLIENT],
                "target_minutes": 2400,
                "delegate": None,
                "version": next(_numbers),
                **fields,
            }
        ],
    )


class Agency:
    """The machine that uploads."""

    def __init__(self, service: Service, issuer: Issuer, client: str = CLIENT) -> None:
        self.caller: Caller = service.bearer(issuer.machine_token(client, "batch:upload"))

    async def send(
        self,
        body: bytes | Iterable[Mapping[str, Any]],
        query: str = "",
        *,
        kind: str = NDJSON,
        key: str | None = None,
        packed: bool = False,
        **headers: str,
    ) -> Reply:
        data = body if isinstance(body, bytes) else ndjson(body)
        sent = {
            "Content-Type": kind,
            "Idempotency-Key": key or f"key-{next(_numbers)}",
            **({"Content-Encoding": "gzip"} if packed else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        data = gzip.compress(data) if packed else data
        return await self.caller.post(f"/v1/batches{query}", data=data, headers=sent)

    async def send_csv(self, text: str, query: str = "", **options: Any) -> Reply:
        return await self.send(text.encode(), query, kind=CSV, **options)

    async def errors(self, batch: Reply) -> list[tuple[int, str, str]]:
        """(line, field, code) of each error of a batch."""
        reply = await self.caller.get(f"{batch.json['errors']}?limit=200")
        return [(item["line"], item["field"], item["code"]) for item in reply.json["items"]]


def removed(reply: Reply) -> int:
    """Entries that a batch removed."""
    assert reply.status == 201, reply.body
    number: int = reply.json["removed"]
    return number


def counts(reply: Reply) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, failed."""
    assert reply.status == 201, reply.body
    batch = reply.json
    return batch["created"], batch["updated"], batch["unchanged"], batch["failed"]
