"""Refusals of the API shown at the form that caused them."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from portal.api_client import ApiProblem
from portal.forms import Form

# A wrong field, a state or version that has changed, a rule: the person can do something about it.
SHOWN_AT_THE_FORM = frozenset({400, 403, 409, 412, 422})


class FormErrors:
    """A context that notes in `form` what the API refuses; other failures pass through.

    `names` maps fields of the API to those of the form.
    """

    def __init__(self, form: Form, names: Mapping[str, str] | None = None) -> None:
        self._form = form
        self._names = names or {}

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, ApiProblem) or error.status not in SHOWN_AT_THE_FORM:
            return False
        for name, text in error.fields.items():
            self._form.refuse(self._names.get(name, name.partition("/")[0]), text)
        # A message that a field of the form shows is not said twice.
        shown = [text for name, text in self._form.errors.items() if name in self._form.fields]
        self._form.error = "" if error.message in shown else error.message
        if error.status == 412 and isinstance(error.body.get("version"), int):
            # Saving again is then meant: the form says that somebody else changed it.
            self._form.fields["version"] = str(error.body["version"])
        return True
