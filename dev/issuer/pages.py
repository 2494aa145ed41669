"""The pages in the browser: plain, without scripts, nothing fetched from anywhere else."""

import hashlib
import struct
import zlib
from collections.abc import Callable, Collection
from html import escape

from dev.issuer.requests import AuthorizationRequest
from dev.sample_data import AUDIENCE, PEOPLE, Person, Role

STYLE = """
:root { color-scheme: light dark; --ink: #16302e; --soft: #55706d; --line: #cfdedc;
  --paper: #fff; --ground: #eef5f4; --teal: #00796b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3efed; --soft: #9db5b2; --line: #2d4744;
  --paper: #142321; --ground: #0b1615; --teal: #4db6a6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.4;
  font: 1rem/1.45 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
p { margin: 0 0 1.25rem; color: var(--soft); }
code { color: var(--ink); }
.people { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr));
  padding: 0; margin: 0 0 1.5rem; list-style: none; }
.person { display: flex; gap: .75rem; align-items: center; width: 100%; min-height: 4.5rem;
  padding: .75rem; text-align: left; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: .75rem; }
button { cursor: pointer; }
button.person:hover, button.person:focus-visible, .person.hinted { border-color: var(--teal);
  outline: 2px solid var(--teal); outline-offset: -1px; }
.person img { width: 3rem; height: 3rem; border-radius: 50%; }
.person b, .person small { display: block; }
.person small { color: var(--soft); overflow-wrap: anywhere; }
.cancel { padding: .6rem 1.2rem; font: inherit; color: var(--teal); background: none;
  border: 1px solid var(--line); border-radius: 2rem; }
"""

Roles = Callable[[Person], Collection[Role]]
PIXELS = 24


def choice(request: AuthorizationRequest, address: str, roles: Roles) -> str:
    """The choice of a person. The form posts to the address of the request."""
    scopes = " ".join(request.scopes) or "nothing in particular"
    cards = "".join(
        f'<li><button class="person{_hinted(person, request)}" name="person" value="{person.key}">'
        f"{_portrait(person, roles)}</button></li>"
        for person in PEOPLE
    )
    return _page(
        f"Sign in to {request.app.name}",
        f"<p>This stands in for Auth0 on this machine: choose who you are, no password.</p>"
        f'<form method="post" action="{escape(address)}"><ul class="people">{cards}</ul>'
        f"<p>The app asks for <code>{escape(scopes)}</code>; it is given what your role allows.</p>"
        f'<button class="cancel" name="cancel" value="yes">Cancel</button></form>',
    )


def second_factor(request: AuthorizationRequest, address: str, person: Person) -> str:
    """The page where a real tenant asks for a code; here a button stands for it."""
    return _page(
        "Confirm it is you",
        f"<p>{escape(person.name)}, {escape(request.app.name)} asks for rights that need a second "
        f"factor. Auth0 would ask for a code here.</p>"
        f'<form method="post" action="{escape(address)}">'
        f'<input type="hidden" name="person" value="{person.key}">'
        f'<button class="cancel" name="second_factor" value="confirmed">Confirm</button> '
        f'<button class="cancel" name="cancel" value="yes">Cancel</button></form>',
    )


def welcome(issuer: str, roles: Roles) -> str:
    """The page that says who can sign in."""
    cards = "".join(f'<li class="person">{_portrait(person, roles)}</li>' for person in PEOPLE)
    return _page(
        "Stand-in for Auth0",
        f"<p>Issuer <code>{escape(issuer)}</code>, audience <code>{AUDIENCE}</code>. Its addresses "
        f'are in the <a href="/.well-known/openid-configuration">discovery document</a>.</p>'
        f'<ul class="people">{cards}</ul>',
    )


def message(title: str, text: str) -> str:
    """A page with a title and one sentence."""
    return _page(title, f"<p>{escape(text)}</p>")


def picture(person: Person) -> bytes:
    """A pattern of the person's own, as PNG: a mirrored grid of 5 by 5, like an identicon."""
    seed = hashlib.sha256(person.key.encode()).digest()
    colour = bytes(60 + value % 120 for value in seed[:3])
    rows = [[seed[3 + row * 3 + min(column, 4 - column)] % 2 for column in range(5)]
            for row in range(5)]  # fmt: skip
    ground = b"\xee\xf5\xf4"
    pixels = b""
    for row in rows:
        line = b"".join((colour if cell else ground) * PIXELS for cell in row)
        pixels += (b"\0" + line) * PIXELS
    size = struct.pack(">II5B", 5 * PIXELS, 5 * PIXELS, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", size), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def _portrait(person: Person, roles: Roles) -> str:
    held = ", ".join(roles(person)) or "no role"
    return (
        f'<img src="/pictures/{person.key}.png" alt=""><span><b>{escape(person.name)}</b>'
        f"<small>{escape(held)} · {escape(person.employer)}</small>"
        f"<small>{escape(person.email)}</small></span>"
    )


def _hinted(person: Person, request: AuthorizationRequest) -> str:
    return " hinted" if request.login_hint in (person.key, person.email) else ""


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
