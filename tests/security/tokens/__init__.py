"""Bad tokens: what RFC 8725, Wycheproof and the bugs of parsers tell of."""

from tests.security.tokens.algorithms import algorithms
from tests.security.tokens.claims import claims, payloads
from tests.security.tokens.forms import forms
from tests.security.tokens.headers import headers
from tests.security.tokens.recipe import BadToken
from tests.security.tokens.signatures import signatures


def corpus() -> list[BadToken]:
    return [*forms(), *algorithms(), *signatures(), *headers(), *payloads(), *claims()]
