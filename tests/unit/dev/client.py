"""The app's side of a sign-in, spelled out so that each part can be got wrong."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt

from dev.sample_data import AUDIENCE, SCOPES

CALLBACK = "http://127.0.0.1:53127/callback"
VERIFIER = "correct-horse-battery-staple-correct-horse-battery"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().strip("=")
EVERYTHING = " ".join(("openid profile email offline_access", *sorted(SCOPES)))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def location(self) -> str:
        return self.headers["Location"]

    @property
    def sent_back(self) -> dict[str, str]:
        """The parameters in the address that the browser is sent to."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}


@dataclass(frozen=True)
class Client:
    issuer: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **options: Any) -> Answer:
        return await self._ask("GET", path, **options)

    async def post(self, path: str, data: Any = None, **options: Any) -> Answer:
        return await self._ask("POST", path, data=data, **options)

    async def put(self, path: str, **options: Any) -> Answer:
        return await self._ask("PUT", path, **options)

    async def sign_in(self, person: str, **changed: str | None) -> Answer:
        """Choose the person, and confirm the second factor where the page asks for it."""
        answer = await self.choose({"person": person}, **changed)
        if answer.status != 200 or b'name="second_factor"' not in answer.body:
            return answer
        return await self.choose({"person": person, "second_factor": "confirmed"}, **changed)

    async def choose(self, form: dict[str, str], **changed: str | None) -> Answer:
        """Send the form of the sign-in page."""
        return await self.post(
            "authorize", form, params=authorization(**changed), allow_redirects=False
        )

    async def look(self, **changed: str | None) -> Answer:
        """Open /authorize as a browser does."""
        return await self.get("authorize", params=authorization(**changed), allow_redirects=False)

    async def code(self, person: str = "erin", **changed: str | None) -> str:
        return (await self.sign_in(person, **changed)).sent_back["code"]

    async def exchange(self, code: str, **changed: str | None) -> Answer:
        form: dict[str, str | None] = {"redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self.token(grant_type="authorization_code", code=code, **(form | changed))

    async def refresh(self, refresh_token: str, **changed: str | None) -> Answer:
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token, **changed)

    async def machine(self, client_id: str, secret: str, **changed: str | None) -> Answer:
        form: dict[str, str | None] = {"client_id": client_id, "client_secret": secret}
        form |= {"grant_type": "client_credentials", "audience": AUDIENCE}
        return await self.token(**(form | changed))

    async def token(self, **form: str | None) -> Answer:
        client: dict[str, str | None] = {"client_id": "timesheets-app"}
        return await self.post("oauth/token", kept(client | form))

    async def tokens(self, person: str = "erin", **changed: str | None) -> dict[str, Any]:
        """The tokens of the app after a sign-in."""
        answer = await self.exchange(await self.code(person, **changed))
        assert answer.status == 200, answer.body
        held: dict[str, Any] = answer.body
        return held

    async def _ask(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, self.issuer + path, **options) as response:
            json = response.content_type == "application/json"
            body = await (response.json() if json else response.read())
            return Answer(response.status, dict(response.headers), body)


def authorization(**changed: str | None) -> dict[str, str]:
    """The query of a good request to /authorize, with `changed` in it; None leaves one out."""
    query: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "timesheets-app",
        "redirect_uri": CALLBACK,
        "scope": EVERYTHING,
        "audience": AUDIENCE,
        "state": "a-state",
        "nonce": "a-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return kept(query | changed)


def kept(parameters: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value is not None}


def unverified(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims
