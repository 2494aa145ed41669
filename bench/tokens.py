"""Checking a token: one that was verified before, and one that was not."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from bench.results import Result, at_most, reported
from libs.auth import JwksKeys, TokenVerifier
from libs.auth.jws import decode_base64url
from tests.support.issuer import Issuer

ROUNDS, TOKENS = 100, 50


async def measure() -> list[Result]:
    """Measure the verification of known and of new tokens."""
    async with Issuer() as issuer, aiohttp.ClientSession() as session:
        tokens = [issuer.token(sub=f"auth0|{number}") for number in range(TOKENS)]
        keys = JwksKeys(session, issuer.issuer, issuer.jwks_url)
        forgetful = TokenVerifier(issuer.issuer, issuer.audience, keys, remember=0)
        verifier = TokenVerifier(issuer.issuer, issuer.audience, keys)
        for token in tokens:
            await verifier.verify(token)  # fetches the keys, too
        rounds = [
            (
                await _microseconds(tokens, verifier.verify),
                await _microseconds(tokens, forgetful.verify),
                await _microseconds(tokens, _arithmetic(issuer)),
            )
            for _ in range(ROUNDS)
        ]
        await keys.close()
    cached, uncached, bare = (median(column) for column in zip(*rounds, strict=True))
    ratio = median(taken / floor for _, taken, floor in rounds)
    against = f"{ROUNDS} rounds in turn of {TOKENS} tokens, CPU time"
    return [
        at_most("check a token seen before", cached, 5, "µs", against),
        at_most(
            "check a new token: time by RSA verification and JSON parsing alone",
            *(ratio, 1.3, "times", f"cryptography and json; {against}"),
        ),
        reported("check a new token", uncached, "µs", against),
        reported("RSA verification and JSON parsing alone", bare, "µs", against),
    ]


def _arithmetic(issuer: Issuer) -> Callable[[str], Awaitable[object]]:
    """The work that no verifier can leave out: the signature, and both JSON texts."""
    key, pkcs1, sha256 = issuer.key.public_key(), padding.PKCS1v15(), hashes.SHA256()

    async def check(token: str) -> object:
        signed, _, signature = token.encode().rpartition(b".")
        header, _, payload = signed.partition(b".")
        key.verify(decode_base64url(signature), signed, pkcs1, sha256)
        return json.loads(decode_base64url(header)), json.loads(decode_base64url(payload))

    return check


async def _microseconds(tokens: Sequence[str], check: Callable[[str], Awaitable[object]]) -> float:
    """A token's CPU time: what else runs here does not count. The keys are there, so that nothing
    is waited for."""
    began = time.thread_time()
    for token in tokens:
        await check(token)
    return (time.thread_time() - began) / len(tokens) * 1e6
