"""Logs by structlog: JSON for machines, colours for people, never a token or a password."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import msgspec
import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from libs.web.context import REQUEST_ID, add_log_fields

# Each begins a word: so that most places are passed over at a glance.
_SECRETS = re.compile(
    r"\b(?:(?P<jwt>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*)"
    r"|(?P<head>(?:bearer|basic)\s+)(?P<credentials>[^\s\"',;]+)"
    r"|(?P<scheme>\w+://[^\s:/@]+:)(?P<password>[^\s@/]+)(?=@)"
    r"|(?P<name>(?:password|client_secret|refresh_token|access_token|id_token|code_verifier)"
    r"[\"']?\s*[=:]\s*[\"']?)(?P<value>[^\s&\"',;}]+))",
    re.IGNORECASE,
)
# Each alternative contains one of these. Most texts, such as a path or a new request id, do not.
_may_have_secrets = re.compile(r"[.\s=:]").search
_SECRET_KEYS = frozenset(
    {"authorization", "password", "secret", "client_secret", "token", "access_token",
     "refresh_token", "id_token", "dsn", "database_url"}
)  # fmt: skip
_MASK = "***"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}
_encode = msgspec.json.Encoder(enc_hook=repr).encode


def mask_secrets(text: str) -> str:
    """`text` with JWTs, bearer credentials, passwords in addresses and the like blotted out."""

    def blot(match: re.Match[str]) -> str:
        return (match["head"] or match["scheme"] or match["name"] or "") + _MASK

    return _SECRETS.sub(blot, text) if _may_have_secrets(text) else text


def escape_unprintable(text: str) -> str:
    """`text` with control characters and the like as `\\u001b`: a terminal would obey them.

    JSON escapes only those below U+0020.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def _mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    for key, value in event.items():
        if key.lower() in _SECRET_KEYS:
            event[key] = _MASK
        elif isinstance(value, str):
            event[key] = mask_secrets(value)
    return event


def configure_logging(log_format: str, level: str, service: str) -> None:
    """Set up structlog, and the standard library's loggers through it, once for the process."""

    def describe(_logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        event["level"] = method
        event["at"] = datetime.now(UTC)
        event["service"] = service
        if "traceparent" in event:
            _name_trace(event)
        return event

    # The project's own fields come after the mask: they need none.
    processors: list[Any] = [structlog.processors.format_exc_info, _mask_event, describe]
    if log_format == "json":
        processors.append(_render_json)
    else:
        processors.append(_write_time)
        processors.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, add_log_fields, *processors],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _route_foreign_loggers(processors, level)
    sys.excepthook = log_crash


def _name_trace(event: MutableMapping[str, Any]) -> None:
    """Replace a W3C trace context of version 00 by the names that collectors expect."""
    parts = str(event["traceparent"]).split("-")
    if len(parts) == 4:
        del event["traceparent"]
        event.update(trace_id=parts[1], span_id=parts[2])


def log_crash(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Log what ends the process in the format of every other line, as `sys.excepthook`."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    structlog.get_logger(__name__).critical("crashed", exc_info=(kind, error, traceback))


def _route_foreign_loggers(processors: list[Any], level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                add_log_fields,
                structlog.stdlib.add_logger_name,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *processors],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _render_json(_logger: Any, _method: str, event: Any) -> str:
    """The line as JSON, its time in the form of RFC 3339. It takes half the time of structlog's
    `JSONRenderer` and a time that was formatted before."""
    return _encode(event).decode()


def _write_time(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    event["at"] = event["at"].isoformat().replace("+00:00", "Z")
    return event


class AccessLog(AbstractAccessLogger):
    """One line per request: method, path, caller, status and duration.

    The path comes without its query, which may hold names. A request that the parser refused
    never met a middleware: such a line has no request id. `bytes` counts what was sent, headers
    included; `cut_off` says that the client left before the end of the response.
    """

    def __init__(self, logger: logging.Logger, log_format: str) -> None:
        super().__init__(logger, log_format)
        config = structlog.get_config()
        # Only the client's own words, the path and the request id, can hold a secret: `_event`
        # masks those, which takes half the time of a processor that looks at every value. A line
        # has no exception either, and no context beside the request's.
        omitted = (
            structlog.contextvars.merge_contextvars,
            _mask_event,
            structlog.processors.format_exc_info,
        )
        self._processors = [each for each in config["processors"] if each not in omitted]
        self._output = config["logger_factory"]()
        bound: Any = structlog.get_logger().bind()
        self._enabled = {name: bound.is_enabled_for(level) for name, level in _LEVELS.items()}

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write the line by the configured processors, without structlog's loggers: they take
        longer than the processors do."""
        # Feeds are polled all day: at info they would be most of the log.
        is_poll = request.path.endswith("/feed") and response.status < 400
        level = "debug" if is_poll else "info"
        if not self._enabled[level]:
            return
        line: Any = _event(request, response, time)
        try:
            for process in self._processors:
                line = process(self._output, level, line)
        except structlog.DropEvent:
            return
        self._output.msg(line)


def _event(request: web.BaseRequest, response: web.StreamResponse, time: float) -> dict[str, Any]:
    event: dict[str, Any] = {
        "event": "request",
        "request_id": mask_secrets(request.get(REQUEST_ID, "")) or None,
        "method": request.method,
        "path": escape_unprintable(mask_secrets(request.path)),
        "status": response.status,
        "seconds": round(time, 6),
        "bytes": response.body_length,
        "caller": request.get(CALLER),
    }
    event.update(request.get(TOKEN_FIELDS, {}))
    if not response.body_length:
        # A plain response is written in one piece, so nothing of it was sent.
        is_plain = isinstance(response, web.Response)
        event["bytes"] = 0 if is_plain else request.writer.output_size
        event["cut_off"] = True
    return event


TOKEN_FIELDS: web.RequestKey[Mapping[str, str]] = web.RequestKey("TOKEN_FIELDS", Mapping)
"""The claims of the token in the access log: `azp`, `jti`, and the `sub` of `act`, if present."""

CALLER = web.RequestKey("CALLER", str)
"""The caller, as the rate limit and the access log identify it."""
