"""The fields of an entry, as the forms of an entry and of a timer have them."""

from __future__ import annotations

from datetime import date

from portal.api_client import Json
from portal.days import parse_day
from portal.formats import parse_duration
from portal.forms import Form
from portal.i18n import _
from portal.projects import find_project


def read_entry(form: Form, projects: list[Json]) -> Json:
    """The entry for the API; a field that cannot be read is refused in the form."""
    project, day = find_project(form["project"], projects), parse_day(form["date"])
    minutes = None
    try:
        minutes = parse_duration(form["duration"])
    except ValueError as error:
        form.refuse("duration", str(error))
    if not minutes:
        form.refuse("duration", _("Type a duration like 1:30, 1.5 or 90m."))
    if project is None:
        form.refuse("project", _("No matching project."))
    if day is None:
        form.refuse("date", _("Choose a day."))
    return {
        "date": day or date.min,
        "project": project["code"] if project else "",
        "task": form.optional("task"),
        "minutes": minutes,
        "note": form.text("note"),
    }
