"""A token issuer for tests: real HTTP on a free port, real RSA keys, tokens to order.

    async with Issuer() as issuer:
        token = issuer.token(sub="auth0|erin", scope="read:timesheets", exp=None)

It answers like the Auth0 tenant: discovery, a JWKS with the present, the next and the former key,
client credentials at /oauth/token. `down`, `delay`, `gate` and `jwks_answer` make it misbehave.
"""

import asyncio
import base64
import functools
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import BasicAuth, web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

AUDIENCE = "https://api.exampleco.com/timesheets"
CLAIMS = "https://api.exampleco.com/"
LIFETIME = 3600

PERSON = "read:timesheets create:timesheets delete:timesheets"


@functools.cache
def rsa_key(_number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The process's key of that number: making one takes a tenth of a second, so it is kept."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def base64url(data: bytes) -> str:
    """Encode without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def jwk(key: rsa.RSAPrivateKey, kid: str, **members: object) -> dict[str, object]:
    """The public half as a JWK; a member given as None is left out."""
    numbers = key.public_key().public_numbers()
    made: dict[str, object] = {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": kid,
        "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "e": base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
    }
    return {name: value for name, value in (made | members).items() if value is not None}


def signed(header: bytes, payload: bytes, key: rsa.RSAPrivateKey) -> str:
    """Any two byte strings under a genuine RS256 signature."""
    signing_input = f"{base64url(header)}.{base64url(payload)}"
    signature = key.sign(signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signing_input}.{base64url(signature)}"


def _compact(members: Mapping[str, object]) -> bytes:
    """Without white space, as issuers write."""
    return json.dumps(members, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Client:
    """A machine, and the scopes its tokens carry, separated by spaces."""

    secret: str
    scope: str


class Issuer:
    """An issuer that listens while it is entered. `clock` returns seconds since 1970, `first_key`
    is the number of the key to begin with."""

    def __init__(
        self,
        audience: str = AUDIENCE,
        *,
        clock: Callable[[], float] = time.time,
        first_key: int = 0,
    ) -> None:
        self.audience = audience
        self.clock = clock
        self.issuer = ""
        self.clients = {"follower": Client("follower-secret", "read:events")}
        self.down = False
        """Every connection is cut without an answer."""
        self.delay = 0.0
        """Seconds before each answer."""
        self.gate = asyncio.Event()
        """While cleared, requests that have come in are not answered."""
        self.gate.set()
        self.jwks_answer: Callable[[], web.StreamResponse] | None = None
        """The response instead of the key set."""
        self.discovery_answer: Callable[[], web.StreamResponse] | None = None
        self.token_answer: Callable[[], web.StreamResponse] | None = None
        self.fetches = 0
        """The number of requests for the key set, answered or not."""
        self.discoveries = 0
        self.grants = 0
        """The number of requests for a token."""
        self._requested = asyncio.Condition()
        self._current = first_key
        self._former: list[int] = []
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._misbehave])
        app.router.add_get("/.well-known/openid-configuration", self._discover)
        app.router.add_get("/.well-known/jwks.json", self._publish_keys)
        app.router.add_post("/oauth/token", self._grant)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.issuer = f"http://{host}:{port}/"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.gate.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def jwks_url(self) -> str:
        """The address of its keys."""
        return f"{self.issuer}.well-known/jwks.json"

    @property
    def token_url(self) -> str:
        """The address of its token endpoint."""
        return f"{self.issuer}oauth/token"

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """The private key that signs now."""
        return rsa_key(self._current)

    @property
    def kid(self) -> str:
        """The id of the key that signs now."""
        return f"key-{self._current}"

    def rotate(self) -> None:
        """Sign with the next key; the former one stays published, as Auth0 keeps it."""
        self._former.append(self._current)
        self._current += 1

    def revoke_former(self) -> None:
        """Publish the keys before the current one no more."""
        self._former.clear()

    def published(self) -> list[dict[str, object]]:
        """The JWKs that are served: the current key, the next and the former ones."""
        numbers = [self._current, self._current + 1, *self._former]
        return [jwk(rsa_key(number), f"key-{number}") for number in numbers]

    def payload(
        self,
        sub: object = "auth0|erin",
        scope: object = PERSON,
        *,
        email: str | None = None,
        name: str | None = None,
        **claims: object,
    ) -> dict[str, object]:
        """The claims of a good access token, with `claims` in their place; None leaves one out."""
        now = int(self.clock())
        made: dict[str, object] = {
            "iss": self.issuer,
            "sub": sub,
            "aud": [self.audience, f"{self.issuer}userinfo"],
            "iat": now,
            "exp": now + LIFETIME,
            "azp": "app",
            "scope": scope,
            f"{CLAIMS}mfa_at": now,
            f"{CLAIMS}email": email,
            f"{CLAIMS}name": name,
        }
        return {claim: value for claim, value in (made | claims).items() if value is not None}

    def header(self, **members: object) -> dict[str, object]:
        """A JOSE header. A member that is None is left out."""
        made: dict[str, object] = {"alg": "RS256", "typ": "JWT", "kid": self.kid}
        return {member: value for member, value in (made | members).items() if value is not None}

    def token(
        self,
        sub: object = "auth0|erin",
        scope: object = PERSON,
        *,
        headers: Mapping[str, object] | None = None,
        **claims: Any,
    ) -> str:
        """A token of a person, signed with the present key; `email` and `name` become the tenant's
        own claims, any other keyword a claim of that name, None leaves a claim out."""
        return self.sign(self.header(**(headers or {})), self.payload(sub, scope, **claims))

    def machine_token(self, client_id: str, scope: str, **claims: Any) -> str:
        """A token of a machine as Auth0 issues it for client credentials."""
        machine = {"azp": client_id, "gty": "client-credentials"}
        return self.token(f"{client_id}@clients", scope, **(machine | claims))

    def sign(
        self,
        header: Mapping[str, object],
        payload: Mapping[str, object],
        key: rsa.RSAPrivateKey | None = None,
    ) -> str:
        """Sign this header and this payload, whatever they say, with `key` or the current one."""
        return signed(_compact(header), _compact(payload), key or self.key)

    async def keys_fetched(self, times: int = 1) -> None:
        """Wait until the key set was requested `times` times since the start."""
        async with self._requested:
            await self._requested.wait_for(lambda: self.fetches >= times)

    async def tokens_requested(self, times: int = 1) -> None:
        """Wait until the token endpoint has been called so many times."""
        async with self._requested:
            await self._requested.wait_for(lambda: self.grants >= times)

    @web.middleware
    async def _misbehave(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        await self._count(request.path)
        await self.gate.wait()
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.down and request.transport is not None:
            request.transport.abort()
        return await handler(request)

    async def _count(self, path: str) -> None:
        async with self._requested:
            self.fetches += path.endswith("jwks.json")
            self.discoveries += path.endswith("openid-configuration")
            self.grants += path.endswith("/token")
            self._requested.notify_all()

    async def _discover(self, _request: web.Request) -> web.StreamResponse:
        if self.discovery_answer is not None:
            return self.discovery_answer()
        return web.json_response(
            {
                "issuer": self.issuer,
                "jwks_uri": self.jwks_url,
                "token_endpoint": self.token_url,
                "authorization_endpoint": f"{self.issuer}authorize",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _publish_keys(self, _request: web.Request) -> web.StreamResponse:
        if self.jwks_answer is not None:
            return self.jwks_answer()
        return web.json_response({"keys": self.published()})

    async def _grant(self, request: web.Request) -> web.StreamResponse:
        if self.token_answer is not None:
            return self.token_answer()
        form = await _form(request)
        client_id = form.get("client_id", "")
        client = self.clients.get(client_id)
        if client is None or form.get("client_secret") != client.secret:
            return _refusal(401, "access_denied", "Unauthorized")
        if form.get("grant_type") != "client_credentials":
            return _refusal(400, "unsupported_grant_type", "Only client_credentials here")
        if form.get("audience") != self.audience:
            return _refusal(403, "access_denied", "Service not found")
        return web.json_response(
            {
                "access_token": self.machine_token(client_id, client.scope),
                "token_type": "Bearer",
                "expires_in": LIFETIME,
                "scope": client.scope,
            }
        )


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type == "application/json":
        body = await request.json()
        return {name: str(value) for name, value in body.items()}
    form = {name: str(value) for name, value in (await request.post()).items()}
    if "Authorization" in request.headers:
        basic = BasicAuth.decode(request.headers["Authorization"])
        form |= {"client_id": basic.login, "client_secret": basic.password}
    return form


def _refusal(status: int, error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)
