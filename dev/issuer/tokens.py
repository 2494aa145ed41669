"""The contents of the tokens, as the tenant issues them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from dev.issuer.state import Store
from dev.sample_data import AUDIENCE, CLAIMS, OWN_TIME, PERMISSIONS, SCOPES, Machine, Person, Role

ACCESS_LIFETIME = 3600
ID_LIFETIME = 36_000
# The people's own data and a refresh token: granted to everybody who asks.
OPENID_SCOPES = ("openid", "profile", "email", "offline_access")


def granted(requested: Collection[str], assigned: Collection[str]) -> list[str]:
    """RBAC: the scopes that are requested and assigned, in the order of the request."""
    return [
        scope
        for scope in dict.fromkeys(requested)
        if scope in OPENID_SCOPES or (scope in SCOPES and scope in assigned)
    ]


def needs_second_factor(requested: Collection[str], assigned: Collection[str]) -> bool:
    """Whether the token could do more than what belongs to the person, as the tenant's action has
    it: a request that names none of our scopes counts as asking for all of them."""
    scopes = SCOPES.intersection(requested) or SCOPES
    return not scopes.intersection(assigned) <= OWN_TIME


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes the tokens and reads back our own."""

    issuer: str
    store: Store
    clock: Callable[[], float]

    @property
    def userinfo_address(self) -> str:
        """The address of the userinfo endpoint, which is an audience of every token."""
        return f"{self.issuer}userinfo"

    def roles(self, person: Person) -> list[Role]:
        """The roles of a person, as assigned or as in the sample company."""
        return self.store.state.roles.get(person.key, [person.role])

    def permissions(self, person: Person) -> set[str]:
        """Every scope that a person's roles grant."""
        return {scope for role in self.roles(person) for scope in PERMISSIONS[role]}

    def for_person(
        self, person: Person, client_id: str, scopes: Collection[str], *, mfa_at: int | None
    ) -> str:
        """An access token of a person (RFC 9068)."""
        openid = "openid" in scopes
        second_factor = {} if mfa_at is None else {f"{CLAIMS}mfa_at": mfa_at}
        return self._access(
            sub=person.sub,
            aud=[AUDIENCE, self.userinfo_address] if openid else AUDIENCE,
            azp=client_id,
            scope=" ".join(scopes),
            permissions=sorted(self.permissions(person)),
            **{f"{CLAIMS}email": person.email, f"{CLAIMS}name": person.name},
            **second_factor,
        )

    def for_machine(self, machine: Machine, scopes: Collection[str]) -> str:
        """An access token of a machine (RFC 9068)."""
        return self._access(
            sub=f"{machine.client_id}@clients",
            aud=AUDIENCE,
            azp=machine.client_id,
            scope=" ".join(scopes),
            permissions=sorted(machine.permissions),
            gty="client-credentials",
        )

    def identity(
        self,
        person: Person,
        client_id: str,
        scopes: Collection[str],
        *,
        auth_time: int,
        nonce: str | None,
    ) -> str:
        """An ID token (OpenID Connect Core 1.0, 2)."""
        now = int(self.clock())
        claims = self.about(person, scopes) | {
            "iss": self.issuer,
            "aud": client_id,
            "iat": now,
            "exp": now + ID_LIFETIME,
            "auth_time": auth_time,
        }
        return self._sign(claims if nonce is None else claims | {"nonce": nonce})

    def about(self, person: Person, scopes: Collection[str]) -> dict[str, Any]:
        """The claims of an ID token and of /userinfo (OpenID Connect Core 5.4)."""
        claims: dict[str, Any] = {"sub": person.sub}
        if "profile" in scopes:
            first, last = person.name.split(" ", 1)
            claims |= {
                "name": person.name,
                "given_name": first,
                "family_name": last,
                "nickname": person.key,
                "picture": f"{self.issuer}pictures/{person.key}.png",
                "updated_at": "2026-11-02T08:00:00.000Z",
            }
        if "email" in scopes:
            claims |= {"email": person.email, "email_verified": True}
        return claims

    def read(self, token: str) -> Mapping[str, Any]:
        """The claims of an access token for /userinfo; jwt.InvalidTokenError when it is none."""
        kid = jwt.get_unverified_header(token).get("kid")
        key = next((key for key in self.store.state.keys.published() if key.kid == kid), None)
        if key is None:
            raise jwt.InvalidTokenError("unknown key")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.private.public_key(),
            algorithms=["RS256"],
            audience=self.userinfo_address,
            issuer=self.issuer,
            options={"require": ["exp", "sub"], "verify_exp": False, "verify_iat": False},
        )
        if claims["exp"] <= self.clock():  # by our clock, which may not be the machine's
            raise jwt.ExpiredSignatureError("expired")
        return claims

    def _access(self, **claims: Any) -> str:
        now = int(self.clock())
        return self._sign({"iss": self.issuer, "iat": now, "exp": now + ACCESS_LIFETIME} | claims)

    def _sign(self, claims: Mapping[str, Any]) -> str:
        key = self.store.state.keys.current
        return jwt.encode(dict(claims), key.private, "RS256", {"kid": key.kid, "typ": "JWT"})
