"""Reading what a browser sends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from multidict import MultiDict

BODY_SECONDS = 15.0
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
MAX_FIELDS = 2000


@dataclass
class Form:
    """The fields of a form as typed, and what is wrong with them.

    `error` is about the whole form; `errors` has a message for each wrong field.
    """

    fields: MultiDict[str] = field(default_factory=MultiDict)
    errors: dict[str, str] = field(default_factory=dict)
    error: str = ""

    @classmethod
    def of(cls, **values: Any) -> Form:
        """A form as it is shown first; None is an empty field, True a ticked box."""
        fields: MultiDict[str] = MultiDict()
        for name, value in values.items():
            if value is None or value is False:
                continue
            fields.add(name.rstrip("_"), "on" if value is True else str(value))
        return cls(fields)

    def __getitem__(self, name: str) -> str:
        return str(self.fields.get(name, ""))

    def text(self, name: str) -> str:
        """The field without white space around it; empty if it was not sent."""
        return self[name].strip()

    def optional(self, name: str) -> str | None:
        """The field's text, or None if it is empty."""
        return self.text(name) or None

    def ticked(self, name: str) -> bool:
        """Whether the checkbox was sent, which browsers do only for ticked ones."""
        return name in self.fields

    def all(self, name: str) -> list[str]:
        """Every value of a field that may be sent more than once."""
        return [str(value) for value in self.fields.getall(name, [])]

    def items(self) -> Iterator[tuple[str, str]]:
        """Names and values of all fields but the CSRF token."""
        for name, value in self.fields.items():
            if name != CSRF_FIELD:
                yield name, str(value)

    def refuse(self, name: str, message: str) -> None:
        """Show `message` at the field, unless the field already has one."""
        self.errors.setdefault(name, message)

    @property
    def is_wrong(self) -> bool:
        """Whether a field, or the form as a whole, has an error."""
        return bool(self.errors or self.error)


FORM = web.RequestKey("FORM", Form)
JSON_BODY = web.RequestKey("JSON_BODY", dict)


async def read_body(request: web.Request) -> None:
    """Put the form at `request[FORM]`, or the object at `request[JSON_BODY]`.

    Multipart is refused: no form has files, and its parser is the largest attack surface.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    if request.content_type == "application/json":
        try:
            request[JSON_BODY] = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise web.HTTPBadRequest from error
        return
    if request.content_type != "application/x-www-form-urlencoded" and raw:
        raise web.HTTPUnsupportedMediaType
    request[FORM] = Form(_decode(raw))


def _decode(raw: bytes) -> MultiDict[str]:
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise web.HTTPBadRequest from error
    # Browsers send line breaks as CR LF.
    return MultiDict((name, value.replace("\r\n", "\n")) for name, value in pairs)


def form_of(request: web.Request) -> Form:
    """The form that the request sent; empty if it sent none."""
    return request.get(FORM) or Form()
