"""Tokens from the running stand-in, by the same steps that the app and the machines take."""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from dev.sample_data import APPS, AUDIENCE, SCOPES, Machine, Person

EVERY_SCOPE = " ".join(("openid profile email", *sorted(SCOPES)))


class SignInError(Exception):
    """The stand-in said no; the message is its own."""


async def sign_in(
    session: aiohttp.ClientSession, issuer: str, person: Person, scope: str = EVERY_SCOPE
) -> str:
    """An access token of a person: authorization code with PKCE and, on the page, both factors."""
    app = APPS[0]
    verifier = secrets.token_urlsafe(48)
    hashed = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.callbacks[0],
        "scope": scope,
        "audience": AUDIENCE,
        "state": secrets.token_urlsafe(16),
        "code_challenge": base64.urlsafe_b64encode(hashed).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    both_factors = {"person": person.key, "second_factor": "confirmed"}
    async with session.post(
        f"{issuer}authorize", params=query, data=both_factors, allow_redirects=False
    ) as response:
        sent_back = parse_qs(urlsplit(response.headers.get("Location", "")).query)
    if sent_back.get("state") != [query["state"]] or "code" not in sent_back:
        raise SignInError(f"no code for {person.name}: {response.status} {sent_back}")
    return await _token(
        session,
        issuer,
        grant_type="authorization_code",
        client_id=app.client_id,
        code=sent_back["code"][0],
        redirect_uri=query["redirect_uri"],
        code_verifier=verifier,
    )


async def machine_token(
    session: aiohttp.ClientSession, issuer: str, machine: Machine, secret: str
) -> str:
    """An access token of a program: client credentials."""
    return await _token(
        session,
        issuer,
        grant_type="client_credentials",
        client_id=machine.client_id,
        client_secret=secret,
        audience=AUDIENCE,
    )


async def _token(session: aiohttp.ClientSession, issuer: str, **form: str) -> str:
    async with session.post(f"{issuer}oauth/token", data=form) as response:
        answer: dict[str, Any] = await response.json()
    if response.status != 200:
        raise SignInError(f"{answer.get('error')}: {answer.get('error_description')}")
    return str(answer["access_token"])
