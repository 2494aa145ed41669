"""Tokens with a genuine signature that claim what we do not take."""

import gzip
import json
from collections.abc import Callable

from tests.security.tokens.recipe import (
    BadToken,
    Builder,
    claims_at,
    claims_with,
    payload_bytes,
    payload_text,
    without,
)
from tests.support.issuer import Issuer, signed

_GRANT = "client-credentials"


def payloads() -> list[BadToken]:
    return [
        BadToken("an empty object", payload_bytes(b"{}")),
        BadToken("a list", payload_bytes(b"[]")),
        BadToken("a text", payload_bytes(b'"exp"')),
        BadToken("a number", payload_bytes(b"1")),
        BadToken("null", payload_bytes(b"null")),
        BadToken("a NUL", payload_bytes(b"\0")),
        BadToken("not JSON", payload_bytes(b"sub=erin")),
        BadToken("zipped", payload_bytes(gzip.compress(b"{}"))),
        BadToken("another token", lambda i: payload_bytes(i.token().encode())(i)),
        BadToken("UTF-16", _encoded(lambda text: text.encode("utf-16"))),
        BadToken("UTF-32", _encoded(lambda text: text.encode("utf-32"))),
        BadToken("a byte order mark first", _encoded(lambda text: text.encode("utf-8-sig"))),
        BadToken(
            "not UTF-8", _encoded(lambda text: text.replace("erin", "\xe9").encode("latin-1"))
        ),
        BadToken("a rest", _encoded(lambda text: text.encode() + b"x")),
        BadToken("a NUL rest", _encoded(lambda text: text.encode() + b"\0")),
        BadToken("exp twice", payload_text('"exp": 9999999999')),
        BadToken("exp twice, one escaped", payload_text('"\\u0065xp": 9999999999')),
        BadToken("sub twice", payload_text('"sub": "auth0|eve"')),
        BadToken("aud twice", payload_text('"aud": "https://other.example"')),
        BadToken("scope twice", payload_text('"scope": "manage:timesheets"')),
        BadToken("an empty claim twice", payload_text('"": 1, "": 2')),
        BadToken("a name twice further down", payload_text('"act": {"sub": "a", "sub": "b"}')),
        BadToken("NaN anywhere", payload_text('"x": NaN')),
        BadToken("Infinity anywhere", payload_text('"x": [Infinity]')),
        BadToken("a number of 5000 digits", payload_text(f'"x": {"9" * 5000}'), (401, 400)),
        BadToken("900 lists deep", payload_text(f'"x": {"[" * 900}{"]" * 900}')),
        BadToken("20 objects deep", payload_text('"x": ' + '{"y":' * 20 + "1" + "}" * 20)),
        BadToken("2000 lists begun", payload_bytes(b'{"x":' + b"[" * 2000)),
        BadToken("a comment", payload_text('/* */ "x": 1')),
    ]


def claims() -> list[BadToken]:
    ours = "https://api.exampleco.com/timesheets"
    wrong: dict[str, tuple[object, ...]] = {
        "exp": ("9999999999", True, None, [], {}, -1, 10**12, 10**30, 1e308, ""),
        "iat": ("0", True, None, [1], -1, 10**30),
        "nbf": ("0", False, None, [], 10**30, ""),
        "iss": ("", None, 1, ["https://tenant.example/"], "https://tenant.example/", {}),
        "aud": ("", None, 1, [], {}, {ours: 1}, [[ours]], [1, ours], [None, ours], "api",
                ours + "/", ours[:-1], ours.upper(), f" {ours}", f"{ours} other", [ours + "x"]),
        "sub": ("", None, 1, True, ["auth0|erin"], {}, "erin\0", "erin\nx", "erin\x7f",
                "erin\x85", "\ud800", "e" * 256),
        "scope": (["read:timesheets"], None, 1, {}, "read:timesheets\tmanage:timesheets",
                  "read:timesheets\nx", "read:timesheets\xa0x", "r\ud800", True),
        "permissions": ("read:timesheets", None, {}, 1, [1], [None], [["read:timesheets"]],
                        {"read:timesheets": True}),
        "azp": ("", 1, None, [], "a\0", "a" * 256),
        "client_id": ("other", 1, ""),
    }  # fmt: skip
    return [
        *[BadToken(f"no {claim}", without(claim)) for claim in ("exp", "iat", "iss", "aud", "sub")],
        *[
            BadToken(f"{claim} is {value!r:.40}", claims_with(**{claim: value}))
            for claim, values in wrong.items()
            for value in values
        ],
        *[
            BadToken(f"{claim} is {value}", _number_for(claim, value))
            for claim in ("exp", "iat", "nbf")
            for value in ("NaN", "Infinity", "1e400", "0x7fffffff", "1_000", "01", "+1")
        ],
        BadToken("iss without its last slash", lambda i: i.token(iss=i.issuer[:-1])),
        BadToken("iss in capitals", lambda i: i.token(iss=i.issuer.upper())),
        BadToken("iss with more", lambda i: i.token(iss=i.issuer + "x")),
        BadToken("iss in a list", lambda i: i.token(iss=[i.issuer])),
        BadToken("a machine without a client", lambda i: i.token(azp=None, gty=_GRANT)),
        BadToken("expired", claims_at(iat=-7200, exp=-60)),
        BadToken("expired by a fraction", claims_at(exp=-60.5)),
        BadToken("not yet valid", claims_at(nbf=61)),
        BadToken("issued in the future", claims_at(iat=61)),
        BadToken("good for more than a day", claims_at(iat=0, exp=24 * 3600 + 1)),
        BadToken("good to the year 9999", claims_with(exp=253402300799)),
        BadToken("an ID token", _id_token),
        BadToken("an ID token for our audience", lambda i: i.token(nonce="n", at_hash="h")),
        *[BadToken(f"with {claim}", claims_with(**{claim: "x"}))
          for claim in ("nonce", "at_hash", "c_hash", "s_hash")],
        BadToken("nonce is null", claims_with(nonce=None)),
        BadToken("token_use id", claims_with(token_use="id")),
    ]  # fmt: skip


def _encoded(encode: Callable[[str], bytes]) -> Builder:
    """The claims of a good token written down in another way."""
    return lambda issuer: payload_bytes(encode(json.dumps(issuer.payload())))(issuer)


def _number_for(claim: str, value: str) -> Builder:
    """A claim in a spelling that no JSON writer makes."""

    def build(issuer: Issuer) -> str:
        claims = json.dumps(issuer.payload() | {claim: "HERE"}).replace('"HERE"', value)
        return signed(json.dumps(issuer.header()).encode(), claims.encode(), issuer.key)

    return build


def _id_token(issuer: Issuer) -> str:
    return issuer.token(aud="app", azp="app", scope=None, nonce="n", at_hash="h", name="Erin")
