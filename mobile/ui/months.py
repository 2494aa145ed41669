"""The person's months: weeks with state and hours, absences, and a search over entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivymd.uix.boxlayout import MDBoxLayout

from mobile.core.durations import format_duration
from mobile.core.rules import AbsenceKind, ApprovalState
from mobile.core.views import WeekSummary
from mobile.core.weeks import Week
from mobile.ui.buttons import PushButton, TappableRow
from mobile.ui.field import Field
from mobile.ui.layout import load_kv
from mobile.ui.panels import EmptyState, SectionTitle
from mobile.ui.rows import SimpleRow
from mobile.ui.status import ICONS
from mobile.viewmodels.absences import AbsenceRow, AbsencesModel
from mobile.viewmodels.months import MonthsModel
from mobile.viewmodels.rows import Row
from mobile.viewmodels.stages import Tab

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame

MAX_WEEKS_AT_ONCE = 14
ABSENCE_ICONS = {
    AbsenceKind.VACATION: "palm-tree",
    AbsenceKind.SICK: "thermometer",
    AbsenceKind.PARENTAL: "baby-carriage",
    AbsenceKind.UNPAID: "calendar-remove-outline",
    AbsenceKind.TRAINING: "school-outline",
    AbsenceKind.OTHER: "calendar-blank-outline",
    AbsenceKind.UNKNOWN: "calendar-blank-outline",
}


class WeekRow(TappableRow):
    """A week: its days, state in icon and word, hours against the target."""

    title = StringProperty()
    state = StringProperty()
    icon = StringProperty()
    hours = StringProperty()
    share = NumericProperty(0)
    wrong = BooleanProperty(False)


class MonthsScreen(MDBoxLayout):
    """The person's months and absences, and search over their entries."""

    model: MonthsModel = ObjectProperty()

    def __init__(
        self,
        model: MonthsModel,
        absences: AbsencesModel,
        frame: ScreenFrame,
        **options: object,
    ) -> None:
        super().__init__(model=model, **options)
        self._frame = frame
        self._absences = absences
        strings = frame.strings
        self.ids.head.title = strings("months.title")
        self.ids.head.bind(on_back=lambda *_: frame.close_page())
        self.search = Field(hint=strings("months.search"), callback=model.search)
        self.search.text = model.query
        self.ids.search_place.add_widget(self.search)
        frame.make_refreshable(self.ids.scroll)
        self._unwatch = [model.watch(self.render), absences.watch(self.render)]
        self.render()

    def leave(self) -> None:
        """Stop watching; the screen goes."""
        for unwatch in self._unwatch:
            unwatch()

    def render(self) -> None:
        """Show the model as it is now."""
        place = self.ids.list
        place.clear_widgets()
        if self.model.query.strip():
            self._show_found(place)
            return
        self._show_absences(place)
        self._show_months(place)

    def _show_found(self, place: MDBoxLayout) -> None:
        rows = self.model.found
        if not rows:
            place.add_widget(EmptyState(title=self._frame.strings("months.no_match")))
        for row in rows:
            place.add_widget(self._entry(row))

    def _entry(self, row: Row) -> SimpleRow:
        strings, draft = self._frame.strings, row.entry.draft
        widget = SimpleRow(
            icon="calendar-blank-outline",
            title=row.title,
            below=" · ".join(p for p in (strings.weekday_and_day(draft.date), draft.note) if p),
            figure=format_duration(draft.minutes),
        )
        widget.bind(on_release=lambda *_: self._frame.edit_entry(row.entry.id))
        return widget

    def _show_absences(self, place: MDBoxLayout) -> None:
        strings, rows = self._frame.strings, self._absences.rows
        place.add_widget(SectionTitle(text=strings("months.absences")))
        for row in rows[:5]:
            place.add_widget(self._absence(row))
        if self._absences.can_write:
            add = PushButton(kind="tonal", text=strings("absence.add"))
            add.bind(on_release=lambda *_: self._frame.new_absence())
            place.add_widget(add)

    def _absence(self, row: AbsenceRow) -> SimpleRow:
        strings, absence = self._frame.strings, row.absence
        days = strings.weekday_and_day(absence.since)
        if absence.until != absence.since:
            days = f"{days} \u2013 {strings.weekday_and_day(absence.until)}"
        if absence.portion < 1:
            days = f"{days} · {strings('absence.half')}"
        icon = ABSENCE_ICONS[absence.kind]
        widget = SimpleRow(icon=icon, title=strings(f"absence.{absence.kind}"), below=days)
        widget.bind(on_release=lambda *_: self._frame.open_absence(absence.id))
        return widget

    def _show_months(self, place: MDBoxLayout) -> None:
        strings = self._frame.strings
        if not self.model.months:
            place.add_widget(EmptyState(title=strings("months.none")))
        shown = 0
        for month in self.model.months:
            if shown >= MAX_WEEKS_AT_ONCE:
                break
            total = format_duration(month.total_minutes)
            if month.target_minutes:
                target = format_duration(month.target_minutes)
                total = strings("of", done=total, target=target)
            place.add_widget(SectionTitle(text=f"{strings.month(month.first)} · {total}"))
            for summary in month.weeks:
                place.add_widget(self._week(summary))
                shown += 1

    def _week(self, summary: WeekSummary) -> WeekRow:
        strings = self._frame.strings
        span, number = strings.week_parts(summary.week, self._frame.today)
        rejected = summary.reason is not None
        state = ApprovalState.REJECTED if rejected else summary.state
        text = strings(f"state.{state}")
        if rejected:
            text = strings("state.rejected_because", reason=summary.reason)
        missing = max(0, (summary.target_minutes or 0) - summary.total_minutes)
        if missing and summary.week < Week.of(self._frame.today):
            text = f"{text} · {strings('months.short', missing=format_duration(missing))}"
        row = WeekRow(
            title=f"{span} · {number}",
            state=text,
            icon=ICONS[state],
            hours=format_duration(summary.total_minutes),
            wrong=rejected,
        )
        if summary.target_minutes:
            row.share = summary.total_minutes / summary.target_minutes
        row.bind(on_release=lambda *_: self._open(summary.week))
        return row

    def _open(self, week: Week) -> None:
        self._frame.models.week.show(week)
        self._frame.go(Tab.WEEK)


load_kv(__file__)
