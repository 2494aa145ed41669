"""My week: the grid, and what can be done with a week."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week
from portal.access import shown_to
from portal.api_client import Api
from portal.cells import CellRefused, TypedCell, save_cell
from portal.context import api_of, profile_of
from portal.days import parse_day, today, week_of
from portal.favourites import list_favourites, set_favourite
from portal.forms import JSON_BODY, Form, form_of
from portal.i18n import _, ngettext
from portal.projects import find_project, project_choices
from portal.rendering import SESSION, json_response, redirect, render
from portal.week_grid import Grid, RowKey, build_grid

ROUTES = web.RouteTableDef()
WEEK = "/weeks/{week}"
# The number of past weeks that are searched for ones that need attention.
REVIEW_WEEKS = 5

Json = dict[str, Any]


@ROUTES.get("/")
async def show_this_week(request: web.Request) -> web.StreamResponse:
    """Show the current week in the person's time zone as a grid."""
    return await _show(request, Week.of(today(request)))


@ROUTES.get("/weeks")
@shown_to("read:timesheets")
async def go_to_week(request: web.Request) -> web.StreamResponse:
    """The week of `?day=`, else this one."""
    day = parse_day(request.query.get("day", "")) or today(request)
    return redirect(request, f"/weeks/{Week.of(day)}")


@ROUTES.get(WEEK)
@shown_to("read:timesheets")
async def show_week(request: web.Request) -> web.StreamResponse:
    """Show the week that the address names as a grid."""
    return await _show(request, week_of(request))


@ROUTES.post(WEEK)
async def save_week(request: web.Request) -> web.StreamResponse:
    """Save the whole grid, as browsers without scripts send it."""
    week, form = week_of(request), form_of(request)
    refused = await _save_changed(api_of(request), form)
    if refused:
        return await _show(request, week, form=form, refused=refused)
    target = _with_rows(week, form.all("row"))
    if "submit" in form.fields:
        target = f"/weeks/{week}/submit"
    return redirect(request, target, _("Saved."))


@ROUTES.post(f"{WEEK}/cells")
async def save_one_cell(request: web.Request) -> web.StreamResponse:
    """Save one cell, as the script sends it while the person types."""
    week, body, api = week_of(request), request.get(JSON_BODY, {}), api_of(request)
    typed = _typed_cell(body)
    if typed is None:
        raise web.HTTPBadRequest
    try:
        saved = await save_cell(api, typed)
    except CellRefused as refusal:
        current = _cell_json(refusal.current) if refusal.current else None
        return json_response({"error": str(refusal), "current": current}, refusal.status)
    sheet = await api.get(f"/v1/timesheets/{week}")
    return json_response(
        {
            "cell": _cell_json(saved.entry),
            "removed": saved.removed,
            "total": sheet["total_minutes"],
            "days": {day["date"]: day["minutes"] for day in sheet["days"]},
        }
    )


@ROUTES.post(f"{WEEK}/rows")
async def add_row(request: web.Request) -> web.StreamResponse:
    """Add an empty row; the address holds it until something is typed into it."""
    week, form = week_of(request), form_of(request)
    projects = await api_of(request).get_all("/v1/projects", active="true")
    project = find_project(form.text("project"), projects)
    if project is None:
        form.refuse("project", _("No matching project."))
        return await _show(request, week, row_form=form)
    key = RowKey(project["code"], form.text("task"))
    return redirect(request, _with_rows(week, [*form.all("row"), str(key)]))


@ROUTES.post(f"{WEEK}/copy")
async def copy_last_week(request: web.Request) -> web.StreamResponse:
    """Copy the rows of the week before, or its hours too."""
    week, form, api = week_of(request), form_of(request), api_of(request)
    source = week.plus(-1)
    if form["what"] == "rows":
        sheet = await api.get(f"/v1/timesheets/{source}")
        keys = {str(RowKey(entry["project"], entry["task"] or "")) for entry in sheet["entries"]}
        return redirect(request, _with_rows(week, [*form.all("row"), *sorted(keys)]))
    body = {"from_week": str(source), "to_week": str(week)}
    copied = (await api.post("/v1/entries/copy", body)).json
    return redirect(request, f"/weeks/{week}", _copy_notice(copied))


@ROUTES.post("/favourites")
async def pin_row(request: web.Request) -> web.StreamResponse:
    """Pin a row to the grid of every week, or unpin it."""
    form, person = form_of(request), profile_of(request).person
    key, is_pinned = RowKey.parse(form["key"]), form["pin"] == "1"
    await set_favourite(request.app[DATABASE], person, key, is_pinned=is_pinned)
    week = form["week"]
    return redirect(request, _with_rows(Week.parse(week), form.all("row")))


async def _show(
    request: web.Request,
    week: Week,
    *,
    form: Form | None = None,
    refused: dict[tuple[str, date], CellRefused] | None = None,
    row_form: Form | None = None,
) -> web.StreamResponse:
    api, person = api_of(request), request.query.get("person", "")
    is_own = not person or person == profile_of(request).person
    query = {} if is_own else {"person": person}
    sheet, projects, favourites, review, name = await asyncio.gather(
        api.get(f"/v1/timesheets/{week}", **query),
        api.get_all("/v1/projects"),
        list_favourites(request.app[DATABASE], profile_of(request).person),
        _weeks_to_review(api, Week.of(today(request)), week) if is_own else _nothing(),
        _person_name(request, person) if not is_own else _nothing(),
    )
    extra = [RowKey.parse(text) for text in _extra_rows(request, form or row_form)]
    grid = build_grid(sheet, projects, today(request), extra, favourites if is_own else ())
    if form is not None:
        _restore_typed(grid, form, refused or {})
    return render(
        request,
        "week.html",
        status=422 if refused or (row_form and row_form.is_wrong) else 200,
        grid=grid,
        sheet=sheet,
        week=week,
        projects=project_choices(projects),
        extra=[str(key) for key in extra],
        review=review,
        row_form=row_form or Form(),
        is_own=is_own,
        person=person,
        person_name=name or person,
        is_this_week=week == Week.of(today(request)),
        has_errors=bool(refused),
    )


async def _nothing() -> list[Json]:
    return []


async def _weeks_to_review(api: Api, this_week: Week, shown: Week) -> list[Json]:
    """Past weeks that were rejected or are not submitted, oldest first."""
    found = await api.get(
        "/v1/timesheets", from_=str(this_week.plus(-REVIEW_WEEKS)), to=str(this_week)
    )
    return [
        sheet
        for sheet in reversed(found["items"])
        if sheet["state"] == "open"
        and sheet["week"] != str(shown)
        and (sheet["reason"] or (sheet["total_minutes"] and sheet["week"] != str(this_week)))
    ]


async def _person_name(request: web.Request, person: str) -> str:
    """As the directory has it, for those who may read it."""
    if not request[SESSION].may("read:people"):
        return person
    found = await api_of(request).find(f"/v1/people/{quote(person, safe='')}")
    return str(found["name"]) if found else person


def _extra_rows(request: web.Request, form: Form | None) -> list[str]:
    given = form.all("row") if form is not None else request.query.getall("row", [])
    return list(dict.fromkeys(given))[:50]


def _with_rows(week: Week, rows: list[str]) -> str:
    query = urlencode([("row", row) for row in dict.fromkeys(rows)])
    return f"/weeks/{week}?{query}" if query else f"/weeks/{week}"


async def _save_changed(api: Api, form: Form) -> dict[tuple[str, date], CellRefused]:
    """Save the cells whose text differs from what was shown, one after the other."""
    refused: dict[tuple[str, date], CellRefused] = {}
    for name, text in list(form.items()):
        prefix, _colon, place = name.partition(":")
        if prefix != "cell" or text.strip() == form[f"was:{place}"]:
            continue
        row_id, _colon, day = place.rpartition(":")
        typed = _typed_cell(
            {
                "row": row_id,
                "date": day,
                "text": text,
                "reference": form[f"entry:{place}"],
                "token": form["token"],
            }
        )
        if typed is None:
            raise web.HTTPBadRequest
        try:
            await save_cell(api, typed)
        except CellRefused as refusal:
            refused[row_id, typed.day] = refusal
    return refused


def _typed_cell(given: Json) -> TypedCell | None:
    row_id, day = str(given.get("row", "")), parse_day(str(given.get("date", "")))
    key, slash, _lane = row_id.rpartition("/")
    if day is None or not slash:
        return None
    return TypedCell(
        row_id=row_id,
        key=RowKey.parse(key),
        day=day,
        text=str(given.get("text", "")),
        reference=str(given.get("reference", "")),
        token=str(given.get("token", "")),
        restored=restored if isinstance(restored := given.get("restored"), dict) else {},
    )


def _restore_typed(grid: Grid, form: Form, refused: dict[tuple[str, date], CellRefused]) -> None:
    """Show again what could not be saved, beside why."""
    for (row_id, day), refusal in refused.items():
        cell = grid.cell(row_id, day)
        if cell is not None:
            cell.typed = form[f"cell:{row_id}:{day}"]
            cell.error = str(refusal)


def _cell_json(entry: Json | None) -> Json | None:
    if entry is None:
        return None
    return {
        "id": entry["id"],
        "reference": f"{entry['id']} {entry['version']}",
        "minutes": entry["minutes"],
        "note": entry["note"],
    }


def _copy_notice(copied: Json) -> str:
    made, skipped = len(copied["items"]), copied["skipped"]
    text = ngettext("Copied %(number)s entry.", "Copied %(number)s entries.", made)
    text %= {"number": made}
    if skipped:
        reasons = "; ".join(dict.fromkeys(str(item["message"]) for item in skipped))
        text += " " + _("Not copied: %(reasons)s") % {"reasons": reasons}
    return text
