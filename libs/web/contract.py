"""The requests and responses of an endpoint, defined once beside the handler.

The same declaration checks requests (libs.web.validation) and writes the API page
(libs.web.apidocs).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp.typedefs import Handler
from marshmallow import Schema

HandlerT = TypeVar("HandlerT", bound=Handler)

_ATTRIBUTE = "__contract__"


@dataclass(frozen=True, slots=True)
class Contract:
    """`answers` maps a status to the schema of its JSON body, or to None for no JSON.

    `problems` are the refusals of this very endpoint, beside those that every one may give.
    `body` may be None for an endpoint that reads its body itself or takes none. A request without
    a body counts as `{}` if `optional_body` is set.
    """

    summary: str
    answers: Mapping[int, Schema | None]
    problems: tuple[int, ...] = ()
    query: Schema | None = None
    body: Schema | None = None
    optional_body: bool = False
    description: str = ""
    headers: tuple[str, ...] = field(default=())
    required_headers: tuple[str, ...] = ()
    consumes: tuple[str, ...] = ("application/json",)
    produces: tuple[str, ...] = ("application/json",)


def endpoint(contract: Contract) -> Callable[[HandlerT], HandlerT]:
    """Mark a handler with its contract."""

    def mark(handler: HandlerT) -> HandlerT:
        setattr(handler, _ATTRIBUTE, contract)
        return handler

    return mark


def contract_of(handler: object) -> Contract | None:
    """The contract of a handler; None for one that declares none."""
    contract = getattr(handler, _ATTRIBUTE, None)
    return contract if isinstance(contract, Contract) else None
