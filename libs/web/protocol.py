"""Errors that never reach a middleware: requests that aiohttp's parser refuses.

aiohttp answers them with plain text and logs a traceback; here they are problems like all
others, and what a client did is no error of ours.
"""

from __future__ import annotations

import structlog
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from libs.web.problems import BadRequest, Problem, problem_response

log = structlog.get_logger(__name__)


class ProblemRequestHandler(RequestHandler):
    """aiohttp's protocol, answering parser errors with problems."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes the request; the log and the client do without
    ) -> web.StreamResponse:
        """Answer with a problem and close the connection."""
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionError("the client is gone, or has its response already")
        if status < 500:
            log.info("malformed request", status=status, error=type(exc).__name__)
            problem: Problem = BadRequest("The request is not valid HTTP.")
        else:
            log.error("unhandled error outside of the application", exc_info=exc)
            problem = Problem("Internal error. Quote the request id to support.")
        response = problem_response(request, problem)
        # BaseRequest sends no signals, so nothing removes or adds headers later.
        response.headers[hdrs.SERVER] = "timesheets"
        response.headers[hdrs.CACHE_CONTROL] = "no-store"
        response.force_close()
        return response


class ProblemServer(web.Server):
    """aiohttp's server with that protocol."""

    def __call__(self) -> RequestHandler:
        """The protocol of a new connection."""
        return ProblemRequestHandler(self, loop=self._loop, **self._kwargs)


class ServiceRunner(web.AppRunner):
    """aiohttp's runner of an application with that server."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = ProblemServer
        return server
