"""The grants of /oauth/token, and what ends them."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dev.issuer.errors import OAuthError
from dev.issuer.requests import AuthorizationRequest, matches
from dev.issuer.state import Family, Session, Store, digest, same
from dev.issuer.tokens import ACCESS_LIFETIME, Tokens, granted
from dev.sample_data import APPS, AUDIENCE, Machine, Person, machine_named, person_named

CODE_LIFETIME = 60
REFRESH_LIFETIME = 30 * 24 * 3600
REFRESH_IDLE_LIFETIME = 15 * 24 * 3600

Form = Mapping[str, str]
Answer = dict[str, Any]


@dataclass
class Code:
    """An authorization code that was issued. Times are Unix times."""

    request: AuthorizationRequest
    person: Person
    auth_time: int
    expires_at: float
    mfa_at: int | None = None
    presented: bool = False
    family: str | None = None


@dataclass
class Grants:
    """The grants of the token endpoint and the codes that were issued."""

    store: Store
    tokens: Tokens
    machine_secrets: Mapping[str, str]
    clock: Callable[[], float]
    codes: dict[str, Code] = field(default_factory=dict)

    def issue_code(self, request: AuthorizationRequest, person: Person, session: Session) -> str:
        """A new code for this request."""
        now = self.clock()
        # Those that were exchanged stay as long as their tokens could: to recognise a second try.
        self.codes = {
            name: code
            for name, code in self.codes.items()
            if code.expires_at > now or code.family in self.store.state.families
        }
        name = secrets.token_urlsafe(32)
        expires_at = now + CODE_LIFETIME
        self.codes[name] = Code(request, person, session.auth_time, expires_at, session.mfa_at)
        return name

    def grant(self, form: Form) -> Answer:
        """Answer /oauth/token; OAuthError for every reason not to."""
        kinds = {
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh_token,
            "client_credentials": self._by_client_credentials,
        }
        if "grant_type" not in form:
            raise OAuthError("invalid_request", "grant_type is missing")
        if form["grant_type"] not in kinds:
            raise OAuthError("unsupported_grant_type", "This grant is not served")
        client_id = self._authenticate(form)
        return kinds[form["grant_type"]](form, client_id)

    def revoke(self, form: Form) -> None:
        """RFC 7009; with the token goes the whole sign-in. An unknown token is no error."""
        client_id = self._authenticate(form)
        if "token" not in form:
            raise OAuthError("invalid_request", "token is missing")
        name, _secret = _split(form["token"])
        family = self.store.state.families.get(name)
        if family is None:
            return
        if family.client_id != client_id:
            raise OAuthError("invalid_grant", "The token belongs to another client")
        self._end(name)

    def _authenticate(self, form: Form) -> str:
        client_id, secret = form.get("client_id", ""), form.get("client_secret")
        public = [app.client_id for app in APPS if not app.is_confidential]
        if secret is None and client_id in public:
            return client_id
        expected = self.machine_secrets.get(client_id)
        if secret is None or expected is None or not same(secret, expected):
            raise OAuthError("invalid_client", "Unknown client or wrong secret", 401)
        return client_id

    def _by_code(self, form: Form, client_id: str) -> Answer:
        code = self.codes.get(form.get("code", ""))
        if code is None:
            raise OAuthError("invalid_grant", "Invalid authorization code")
        if code.presented:
            # The second caller may be the rightful one, so all tokens are revoked (RFC 6749 4.1.2).
            self._end(code.family)
            raise OAuthError("invalid_grant", "The code was used before")
        code.presented = True
        request = code.request
        problems = (
            (self.clock() >= code.expires_at, "The code has expired"),
            (client_id != request.app.client_id, "The code belongs to another client"),
            (form.get("redirect_uri") != request.redirect_uri, "redirect_uri is another one"),
            (not matches(form.get("code_verifier", ""), request.challenge), "Wrong code_verifier"),
        )
        for wrong, text in problems:
            if wrong:
                raise OAuthError("invalid_grant", text)
        answer = self._answer(code.person, client_id, request.scopes, code, request.nonce)
        if "offline_access" in request.scopes:
            code.family, answer["refresh_token"] = self._begin(code, client_id)
        return answer

    def _by_refresh_token(self, form: Form, client_id: str) -> Answer:
        name, secret = _split(form.get("refresh_token", ""))
        family = self.store.state.families.get(name)
        if family is None or family.client_id != client_id:
            raise OAuthError("invalid_grant", "Unknown or invalid refresh token")
        if not same(digest(secret), family.newest):
            # An older one of the family: it was stolen, or its successor was.
            self._end(name)
            raise OAuthError("invalid_grant", "The refresh token was used before")
        person = person_named(family.person)
        now = int(self.clock())
        idle, age = now - family.used_at, now - family.started_at
        if person is None or idle >= REFRESH_IDLE_LIFETIME or age >= REFRESH_LIFETIME:
            self._end(name)
            raise OAuthError("invalid_grant", "The refresh token has expired")
        scopes = form["scope"].split() if "scope" in form else family.requested
        if not set(scopes) <= set(family.requested):
            raise OAuthError("invalid_scope", "The scope exceeds that of the sign-in")
        answer = self._answer(person, client_id, scopes, family, None)
        successor = secrets.token_urlsafe(32)
        family.newest, family.used_at = digest(successor), now
        self.store.save()
        answer["refresh_token"] = f"{name}.{successor}"
        return answer

    def _by_client_credentials(self, form: Form, client_id: str) -> Answer:
        machine = machine_named(client_id)
        if machine is None:
            raise OAuthError("unauthorized_client", "This client has no grant of its own")
        if form.get("audience") != AUDIENCE:
            raise OAuthError("access_denied", f"Service not found: {form.get('audience')}", 403)
        return self._for_machine(machine, form.get("scope"))

    def _for_machine(self, machine: Machine, requested: str | None) -> Answer:
        requested_scopes = sorted(machine.permissions) if requested is None else requested.split()
        scopes = [
            scope for scope in dict.fromkeys(requested_scopes) if scope in machine.permissions
        ]
        return {
            "access_token": self.tokens.for_machine(machine, scopes),
            "token_type": "Bearer",
            "expires_in": ACCESS_LIFETIME,
            "scope": " ".join(scopes),
        }

    def _answer(
        self,
        person: Person,
        client_id: str,
        requested: tuple[str, ...] | list[str],
        sign_in: Code | Family,
        nonce: str | None,
    ) -> Answer:
        scopes = granted(requested, self.tokens.permissions(person))
        answer: Answer = {
            "access_token": self.tokens.for_person(
                person, client_id, scopes, mfa_at=sign_in.mfa_at
            ),
            "token_type": "Bearer",
            "expires_in": ACCESS_LIFETIME,
            "scope": " ".join(scopes),
        }
        if "openid" in scopes:
            answer["id_token"] = self.tokens.identity(
                person, client_id, scopes, auth_time=sign_in.auth_time, nonce=nonce
            )
        return answer

    def _begin(self, code: Code, client_id: str) -> tuple[str, str]:
        name, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        now = int(self.clock())
        self.store.state.families[name] = Family(
            client_id=client_id,
            person=code.person.key,
            requested=list(code.request.scopes),
            auth_time=code.auth_time,
            mfa_at=code.mfa_at,
            started_at=now,
            used_at=now,
            newest=digest(secret),
        )
        self.store.save()
        return name, f"{name}.{secret}"

    def _end(self, family: str | None) -> None:
        if family is not None and self.store.state.families.pop(family, None) is not None:
            self.store.save()


def _split(token: str) -> tuple[str, str]:
    family, _, secret = token.partition(".")
    return family, secret
