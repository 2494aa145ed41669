"""Tokens with a genuine signature and a header we do not take."""

import json

from tests.security.tokens.recipe import BadToken, header_text, header_with, stranger
from tests.support.issuer import Issuer, jwk, signed


def headers() -> list[BadToken]:
    evil = "http://127.0.0.1:9/keys.json"
    good = '"alg":"RS256","typ":"JWT","kid":"KID"'
    return [
        BadToken("crit names exp", header_with(crit=["exp"], exp=1)),
        BadToken("crit is empty", header_with(crit=[])),
        BadToken("crit is null", header_text(f'{{{good},"crit":null}}')),
        BadToken("an unencoded payload", header_with(crit=["b64"], b64=False)),
        BadToken("b64 without crit", header_with(b64=False)),
        BadToken("jku", header_with(jku=evil)),
        BadToken(
            "jku with the stranger's signature",
            lambda i: i.sign(i.header(jku=evil, kid="evil"), i.payload(), stranger()),
        ),
        BadToken("x5u", header_with(x5u=evil)),
        BadToken("x5c", header_with(x5c=["MIIB"])),
        BadToken("a jwk", lambda i: i.token(headers={"jwk": jwk(i.key, i.kid)})),
        BadToken("zip", header_with(zip="DEF")),
        BadToken("enc", header_with(enc="A256GCM")),
        BadToken("cty", header_with(cty="JWT")),
        BadToken("a nested JWT", _nested),
        BadToken("no typ", header_with(typ=None)),
        *[
            BadToken(f"typ {kind!r}", header_with(typ=kind))
            for kind in (
                "",
                "JOSE",
                "dpop+jwt",
                "logout+jwt",
                "secevent+jwt",
                "JWT\0",
                " JWT",
                "at+jwtx",
                "JWT, at+jwt",
                "application/application/jwt",
                1,
                ["JWT"],
            )
        ],
        BadToken("no kid", header_with(kid=None)),
        *[
            BadToken(f"kid {kid!r:.40}", header_with(kid=kid))
            for kid in (
                "",
                0,
                True,
                ["key-0"],
                {"a": 1},
                "unknown",
                "KEY-0",
                "key-0\0",
                "key-0 ",
                "k" * 300,
                "../../../dev/null",
                "' OR 1=1 --",
                evil,
                "\ud800",
            )
        ],
        BadToken("alg twice", header_text('{"alg":"none","alg":"RS256","typ":"JWT","kid":"KID"}')),
        BadToken("alg twice, good first", header_text(f'{{{good},"alg":"none"}}')),
        BadToken("alg twice, the same", header_text(f'{{{good},"alg":"RS256"}}')),
        BadToken("alg twice, one escaped", header_text(f'{{"\\u0061lg":"none",{good}}}')),
        BadToken("kid twice", header_text(f'{{"kid":"x",{good}}}')),
        BadToken("an empty name twice", header_text(f'{{"":1,"":2,{good}}}')),
        BadToken("an object with a name twice", header_text(f'{{{good},"x":{{"a":1,"a":1}}}}')),
        BadToken("NaN in the header", header_text(f'{{{good},"x":NaN}}')),
        BadToken("a header that is a list", header_text('["RS256"]')),
        BadToken("a header that is a text", header_text('"RS256"')),
        BadToken("a header that is null", header_text("null")),
        BadToken("half a header", header_text(f"{{{good}")),
        BadToken("two headers", header_text(f"{{{good}}}{{}}")),
        BadToken("a NUL after the header", header_text(f"{{{good}}}\0")),
        BadToken("a byte order mark in the header", header_text(f"\ufeff{{{good}}}")),
        BadToken("a deep header", header_text(f'{{{good},"x":{"[" * 900}{"]" * 900}}}')),
    ]


def _nested(issuer: Issuer) -> str:
    header = json.dumps(issuer.header(cty="JWT")).encode()
    return signed(header, issuer.token().encode(), issuer.key)
