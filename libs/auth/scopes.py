"""The permissions of a caller, and how a token states them."""

import functools
from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """A permission of the API in the tenant, granted by a token."""

    READ_TIMESHEETS = "read:timesheets"
    CREATE_TIMESHEETS = "create:timesheets"
    DELETE_TIMESHEETS = "delete:timesheets"
    APPROVE_TIMESHEETS = "approve:timesheets"
    MANAGE_TIMESHEETS = "manage:timesheets"
    BATCH_UPLOAD = "batch:upload"
    READ_REPORTS = "read:reports"
    READ_PEOPLE = "read:people"
    MANAGE_PEOPLE = "manage:people"
    READ_EVENTS = "read:events"
    READ_AUDIT = "read:audit"


_SCOPES = {scope.value: scope for scope in Scope}


@functools.lru_cache(maxsize=256)
def granted_scopes(scope: str, permissions: tuple[str, ...] | None) -> frozenset[Scope]:
    """The scopes a token grants by its `scope` claim and, under RBAC, its `permissions`.

    A scope must be in both where there are both. If `scope` has none of ours (a client that
    requested `openid` only), `permissions` decides. Unknown scopes are ignored.
    """
    # Cached because the roles of a tenant are few: remembered callers then share a few sets.
    requested = _known(scope.split(" "))
    if permissions is None:
        return requested
    permitted = _known(permissions)
    return requested & permitted if requested else permitted


def _known(names: Iterable[str]) -> frozenset[Scope]:
    return frozenset([_SCOPES[name] for name in names if name in _SCOPES])
