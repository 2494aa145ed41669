"""The API's words in the reader's language.

The API answers in English, with stable codes. English readers see its own messages, which name
dates and codes; the others see a sentence for the code, or the API's message for a code that is not
known here.
"""

from __future__ import annotations

from portal.i18n import DEFAULT, LANGUAGE, _


def how_to_unlock(reason: str, message: str) -> str:
    """A sentence on how to unlock a day or an entry. `message` is that of the API."""
    if LANGUAGE.get() == DEFAULT:
        return message
    texts = {
        "submitted": _("Withdraw the week, or wait until it is decided."),
        "approved": _("The manager or an administrator can reopen the week."),
        "closed": _("An administrator can move the closed period back."),
    }
    return texts.get(reason, message)


def field_message(code: str, message: str) -> str:
    """Why a field was refused. `message` is the API's sentence."""
    if LANGUAGE.get() == DEFAULT:
        return message
    texts = {
        "cannot_approve": _("This person can't approve weeks."),
        "closed": _("This day is in the closed period."),
        "contract": _("An administrator has set a contract, which determines the target."),
        "day_full": _("A day has 24 hours."),
        "inactive_person": _("This person is not active."),
        "inactive_project": _("This project is no longer active."),
        "manager_circle": _("This person would be their own manager."),
        "not_over": _("Only days that are over can be closed."),
        "note_required": _("This project requires a note."),
        "oneself": _("You can't choose yourself."),
        "order": _("The last day is before the first."),
        "overlap": _("There is an absence on these days already."),
        "own_account": _("You can't deactivate your own account. Another administrator can."),
        "own_manager": _("A person can't be their own manager."),
        "past": _("This day is in the past."),
        "required": _("This field is required."),
        "taken": _("This is already in use."),
        "too_far_ahead": _("This day is too far ahead."),
        "undated": _("Only name, customer and billable default can change later."),
        "unknown_person": _("There is no such person."),
        "unknown_project": _("No matching project."),
    }
    return texts.get(code, message)
