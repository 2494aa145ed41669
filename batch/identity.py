"""Ids for rows that have none: the same however the rows are ordered, and no two alike."""

from bisect import bisect_left
from collections import Counter
from hashlib import blake2b

import msgspec

from batch.rows import Draft, Row

Mark = int
"""64 bits of a digest: small enough to keep one for each row of a big file."""


class Identities:
    """Numbers the rows that share an identity.

    All rows are `add`ed, then each is `identified`, in any order. Within an identity the number
    follows from what the row says, not from where it stands; rows that say the same are counted
    through. So an identity of n rows always has the ids 0 to n-1, whatever was corrected in them,
    and no entry is left over or doubled.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._single: dict[Mark, Mark] = {}
        self._several: dict[Mark, list[Mark]] = {}
        self._given: Counter[tuple[Mark, Mark]] = Counter()

    def add(self, draft: Draft) -> None:
        if draft.row.external_id:
            return
        identity, content = _mark(_digest(draft.identity)), _mark(_content(draft.row))
        if identity in self._several:
            self._several[identity].append(content)
        elif identity in self._single:
            self._several[identity] = [self._single.pop(identity), content]
        else:
            self._single[identity] = content

    def sort(self) -> None:
        """To be called between the last `add` and the first `identified`."""
        for contents in self._several.values():
            contents.sort()

    def identified(self, draft: Draft) -> Row:
        """The row as it is sent."""
        if draft.row.external_id:
            return draft.row
        digest = _digest(draft.identity)
        ordinal = self._ordinal(_mark(digest), draft.row)
        external_id = f"{self._namespace}-{digest.hex()}-{ordinal}"
        return msgspec.structs.replace(draft.row, external_id=external_id)

    def _ordinal(self, identity: Mark, row: Row) -> int:
        contents = self._several.get(identity)
        if contents is None:
            return 0
        content = _mark(_content(row))
        before = self._given[identity, content]
        self._given[identity, content] += 1
        return bisect_left(contents, content) + before


def _content(row: Row) -> bytes:
    return blake2b(msgspec.json.encode(row), digest_size=8).digest()


def _digest(identity: tuple[str, ...]) -> bytes:
    return blake2b(msgspec.json.encode(identity), digest_size=16).digest()


def _mark(digest: bytes) -> Mark:
    return int.from_bytes(digest[:8])
