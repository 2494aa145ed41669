"""Checking requests against their schemas before a handler sees them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeVar

from aiohttp import web
from marshmallow import Schema, ValidationError
from yarl import URL

from libs.web.contract import contract_of
from libs.web.problems import FieldError, NotFound, UnprocessableContent
from libs.web.request_body import read_json

T = TypeVar("T")

# marshmallow has no codes: its message, our code and our message.
_OWN_WORDS = {
    "Missing data for required field.": ("required", "This field is required."),
    "Field may not be null.": ("null", "This field cannot be null."),
    "Unknown field.": ("unknown", "There is no such field."),
    "Not a valid string.": ("invalid", "A text is expected."),
    "Not a valid list.": ("invalid", "A list is expected."),
    "Not a valid mapping type.": ("invalid", "A JSON object is expected."),
}

_UNKNOWN_PARAMETER = "There is no such parameter."

_QUERY = web.RequestKey("QUERY", object)
_BODY = web.RequestKey("BODY", object)


async def check_request(request: web.Request) -> None:
    """Load the query and the body by the schemas of the endpoint; 422 tells every wrong field."""
    contract = contract_of(request.match_info.handler)
    if contract is None:
        return
    if "\0" in request.path:
        raise NotFound("Not found.")
    if contract.query is not None:
        request[_QUERY] = _load_query(contract.query, request.rel_url.raw_query_string)
    elif request.query:
        unknown = [_unknown_parameter(name) for name in request.query]
        raise UnprocessableContent(unknown)
    if contract.body is not None:
        is_left_out = contract.optional_body and not request.can_read_body
        request[_BODY] = _load(
            contract.body, {} if is_left_out else await read_json(request), "body"
        )


def query_of(request: web.Request, kind: type[T]) -> T:
    """The checked query, as what its schema makes of it."""
    return _checked(request[_QUERY], kind)


def body_of(request: web.Request, kind: type[T]) -> T:
    """The checked body, as what its schema makes of it."""
    return _checked(request[_BODY], kind)


def _checked(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"the schema makes {type(value).__name__}, not {kind.__name__}")
    return value


def _parameters(raw_query: str) -> dict[str, str]:
    query = URL.build(query_string=raw_query, encoded=True).query
    repeated = [name for name in query if len(query.getall(name)) > 1]
    if repeated:
        raise UnprocessableContent(
            [
                FieldError(
                    f"/{_escape(name)}", f"{name} is given more than once.", "repeated", "query"
                )
                for name in sorted(set(repeated))
            ]
        )
    return dict(query)


@lru_cache(maxsize=512)
def _load_query(schema: Schema, raw_query: str) -> object:
    """Everybody asks for this week: what a query means follows from its text, and what schemas
    make of it does not change, so the good ones seen last are kept."""
    return _load(schema, _parameters(raw_query), "query")


def _load(schema: Schema, data: Any, location: str) -> object:
    try:
        return schema.load(data)
    except ValidationError as error:
        raise UnprocessableContent(list(_field_errors(error.messages, "", location))) from error


def _field_errors(messages: Any, pointer: str, location: str) -> Iterator[FieldError]:
    """Flatten marshmallow's nested messages into one error for each field."""
    if isinstance(messages, dict):
        if pointer and messages.keys() <= {"key", "value"}:
            # marshmallow's words for the members of a Dict field; RFC 6901 knows the name only.
            for inner in messages.values():
                yield from _field_errors(inner, pointer, location)
            return
        for name, inner in messages.items():
            below = pointer if name == "_schema" else f"{pointer}/{_escape(str(name))}"
            yield from _field_errors(inner, below, location)
        return
    for message in messages:
        code, words = _OWN_WORDS.get(message, ("invalid", message))
        if code == "unknown" and location == "query":
            words = _UNKNOWN_PARAMETER
        yield FieldError(pointer, words, code, location)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unknown_parameter(name: str) -> FieldError:
    return FieldError(f"/{_escape(name)}", _UNKNOWN_PARAMETER, "unknown", "query")
