"""External ids for rows that have none. They do not depend on the order of the rows."""

from bisect import bisect_left
from collections import Counter
from hashlib import blake2b

import msgspec

from batch.rows import Deletion, Draft, Row

PREFIX = "auto"
"""First part of a generated id, the same for every format: an entry keeps its id when the same
hours are exported from another tool."""

Fingerprint = int
"""64 bits of a digest: small enough to keep one for each row of a big file."""
_LAST: Fingerprint = (1 << 64) - 1


class ExternalIds:
    """Numbers the rows that share an identity.

    `add` every row, then `sort`, then `assign` an id to each row in any order. Within an identity
    the number depends on the content of the rows and not on their order; equal rows are counted
    through. So n rows always have the numbers 0 to n-1: correcting one leaves no entry behind and
    doubles none. Deletions come last.
    """

    def __init__(self) -> None:
        self._single: dict[Fingerprint, Fingerprint] = {}
        self._several: dict[Fingerprint, list[Fingerprint]] = {}
        self._assigned: Counter[tuple[Fingerprint, Fingerprint]] = Counter()

    def add(self, draft: Draft) -> None:
        """Note a row that needs an id."""
        if draft.row.external_id:
            return
        identity, content = _fingerprint(_digest(draft.identity)), _content(draft.row)
        if identity in self._several:
            self._several[identity].append(content)
        elif identity in self._single:
            self._several[identity] = [self._single.pop(identity), content]
        else:
            self._single[identity] = content

    def sort(self) -> None:
        """Order rows that are alike, so that their ids do not depend on the order of the file."""
        for contents in self._several.values():
            contents.sort()

    def assign(self, draft: Draft) -> Row | Deletion:
        """The row with its id, as it is sent."""
        if draft.row.external_id:
            return draft.row
        digest = _digest(draft.identity)
        number = self._number(_fingerprint(digest), draft.row)
        external_id = f"{PREFIX}-{digest.hex()}-{number}"
        return msgspec.structs.replace(draft.row, external_id=external_id)

    def _number(self, identity: Fingerprint, row: Row | Deletion) -> int:
        contents = self._several.get(identity)
        if contents is None:
            return 0
        content = _content(row)
        before = self._assigned[identity, content]
        self._assigned[identity, content] += 1
        return bisect_left(contents, content) + before


def deletion_of_nothing(person: str) -> Deletion:
    """A deletion whose id no entry has: it makes a complete file cover the person."""
    return Deletion(f"{PREFIX}-none-{_digest((person,)).hex()}", deleted=True, person=person)


def _content(row: Row | Deletion) -> Fingerprint:
    if isinstance(row, Deletion):
        return _LAST
    return _fingerprint(blake2b(msgspec.json.encode(row), digest_size=8).digest())


def _digest(identity: tuple[str, ...]) -> bytes:
    return blake2b(msgspec.json.encode(identity), digest_size=16).digest()


def _fingerprint(digest: bytes) -> Fingerprint:
    return int.from_bytes(digest[:8])
