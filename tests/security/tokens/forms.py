"""Tokens that are no compact JWS."""

import json

from tests.security.tokens.recipe import BadToken, Builder, joined, parts
from tests.support.issuer import Issuer, base64url


def forms() -> list[BadToken]:
    broken_header = (400, 401)
    return [
        BadToken("nothing", lambda _: ""),
        BadToken("one part", joined(lambda p: p[:1])),
        BadToken("two parts", joined(lambda p: p[:2])),
        BadToken("four parts", joined(lambda p: [*p, p[2]])),
        BadToken("five parts, as a JWE has", joined(lambda p: [p[0], p[2], p[2], p[1], p[2]])),
        BadToken("dots alone", lambda _: ".."),
        BadToken("a dot before", joined(lambda p: ["", *p])),
        BadToken("a dot after", joined(lambda p: [*p, ""])),
        BadToken("a dot twice", joined(lambda p: [p[0], "", *p[1:]])),
        BadToken("an empty header", joined(lambda p: ["", p[1], p[2]])),
        BadToken("an empty payload", joined(lambda p: [p[0], "", p[2]])),
        BadToken("the signature stripped", joined(lambda p: [p[0], p[1], ""])),
        BadToken("padding after the header", _spoiled(0, "=")),
        BadToken("padding after the payload", _spoiled(1, "==")),
        BadToken("padding after the signature", _spoiled(2, "==")),
        BadToken("percent-encoded padding", _spoiled(2, "%3D%3D")),
        BadToken("stray bits in the last letter", _stray_bits),
        BadToken("one letter left over", _spoiled(2, "AAA")),
        BadToken("the other base64 alphabet", _other_alphabet),
        BadToken("hexadecimal", joined(lambda p: [part.encode().hex() for part in p])),
        BadToken("encoded twice", lambda i: base64url(i.token().encode())),
        BadToken("a space within", joined(lambda p: [p[0], " " + p[1], p[2]])),
        BadToken("a tab within", joined(lambda p: [p[0], p[1] + "\t", p[2]])),
        BadToken("a tab before", lambda i: "\t" + i.token()),
        BadToken("a folded line", joined(lambda p: [p[0], "\r\n " + p[1], p[2]]), broken_header),
        BadToken("a line feed", joined(lambda p: [p[0], "\n" + p[1], p[2]]), broken_header),
        BadToken("a carriage return", joined(lambda p: [p[0], "\r" + p[1], p[2]]), broken_header),
        BadToken("a NUL after", lambda i: i.token() + "\0", broken_header),
        BadToken("a NUL within", joined(lambda p: [p[0], "\0" + p[1], p[2]]), broken_header),
        BadToken("a no-break space", lambda i: i.token() + "\N{NO-BREAK SPACE}"),
        BadToken("a zero-width space", lambda i: "\N{ZERO WIDTH SPACE}" + i.token()),
        BadToken("a byte order mark", lambda i: "\N{ZERO WIDTH NO-BREAK SPACE}" + i.token()),
        BadToken("full-width dots", lambda i: i.token().replace(".", "\N{FULLWIDTH FULL STOP}")),
        BadToken("a lone surrogate", lambda i: i.token().encode() + b"\xed\xa0\x80"),
        BadToken("bytes that are not UTF-8", lambda i: b"\xff\xfe" + i.token().encode()),
        BadToken("quoted", lambda i: f'"{i.token()}"'),
        BadToken("a parameter", lambda i: f"token={i.token()}"),
        BadToken("the scheme twice", lambda i: f"Bearer {i.token()}"),
        BadToken("two tokens", lambda i: f"{i.token()},{i.token()}"),
        BadToken("the JSON form", _json_form),
        BadToken("a JSON text", lambda i: json.dumps(i.payload())),
        BadToken("8 KiB", lambda i: i.token(padding="x" * 6000), (400,)),
        BadToken("1 MB", lambda i: i.token(padding="x" * 750_000), (400,)),
        BadToken("1 MB of dots", lambda _: "." * 1_000_000, (400,)),
    ]


def _spoiled(place: int, letters: str) -> Builder:
    return joined(lambda p: [*p[:place], p[place] + letters, *p[place + 1 :]])


def _stray_bits(issuer: Issuer) -> str:
    """The same bytes in another spelling: the last letter of a signature holds 4 stray bits."""
    token = issuer.token()
    return token[:-1] + chr(ord(token[-1]) + 1)


def _other_alphabet(issuer: Issuer) -> str:
    tokens = (issuer.token(jti=number) for number in range(1000))
    token = next(token for token in tokens if "-" in token and "_" in token)
    return token.replace("-", "+").replace("_", "/")


def _json_form(issuer: Issuer) -> str:
    header, payload, signature = parts(issuer)
    form = {"protected": header, "payload": payload, "signature": signature}
    return json.dumps(form, separators=(",", ":"))
