"""The week as a grid, typed in place: arrows and Tab move, Enter saves, Escape gives up."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from kivy.metrics import dp
from kivy.properties import BooleanProperty, ListProperty, StringProperty
from kivy.uix.textinput import TextInput
from kivy.uix.widget import Widget
from kivymd.theming import ThemableBehavior
from kivymd.uix.boxlayout import MDBoxLayout

from mobile.core.durations import format_duration
from mobile.core.palette import project_color
from mobile.core.views import Sync
from mobile.ui.buttons import PushButton, TappableRow
from mobile.ui.layout import load_kv
from mobile.ui.panels import ErrorText
from mobile.ui.projects import ProjectSheet
from mobile.viewmodels.grid import Cell, GridModel, GridRow
from mobile.viewmodels.rows import hours_text
from mobile.viewmodels.week import WeekModel

if TYPE_CHECKING:
    from mobile.ui.frame import ScreenFrame

DIRECTIONS = {273: (-1, 0), 274: (1, 0), 275: (0, 1), 276: (0, -1)}
TAB, ENTER, ESCAPE = 9, (13, 271), 27


class GridCell(TappableRow):
    """The hours of a project on a day."""

    text = StringProperty()
    note = StringProperty()
    locked = BooleanProperty(False)
    selected = BooleanProperty(False)
    shaded = BooleanProperty(False)


class GridTitle(MDBoxLayout):
    """The project of a row."""

    title = StringProperty()
    below = StringProperty()
    stripe = StringProperty("#00000000")


class GridHead(MDBoxLayout):
    """The day of a column, or its total."""

    text = StringProperty()
    below = StringProperty()
    strong = BooleanProperty(False)
    halign = StringProperty("center")


class CellEditor(ThemableBehavior, TextInput):
    """The one text field of the grid; it stands over the selected cell."""

    def __init__(self, grid: WeekGrid) -> None:
        super().__init__(multiline=False, write_tab=False, halign="right")
        self._grid = grid

    def keyboard_on_key_down(
        self, window: Any, keycode: tuple[int, str], text: str, modifiers: list[str]
    ) -> bool:
        key = keycode[0]
        if key == ESCAPE:
            self._grid.cancel()
            return True
        if key in ENTER:
            self._grid.commit_and_move(1, 0)
            return True
        if key == TAB:
            self._grid.commit_and_move(0, -1 if "shift" in modifiers else 1)
            return True
        if key in DIRECTIONS and (key in (273, 274) or self._at_edge(key)):
            self._grid.commit_and_move(*DIRECTIONS[key])
            return True
        return bool(super().keyboard_on_key_down(window, keycode, text, modifiers))

    def _at_edge(self, key: int) -> bool:
        """Left and right leave the cell at the ends of the text, or while all of it is selected."""
        if self.selection_text == self.text:
            return True
        return self.cursor_index() == (len(self.text) if key == 275 else 0)


class WeekGrid(MDBoxLayout):
    """The week as a grid of projects and days, for wide screens and keyboards."""

    dates = ListProperty()

    def __init__(self, model: GridModel, week: WeekModel, frame: ScreenFrame) -> None:
        super().__init__(orientation="vertical")
        self.model = model
        self._week = week
        self._frame = frame
        self._cells: list[list[GridCell]] = []
        self._selected: tuple[int, int] | None = None
        self._built_for: tuple[object, ...] = ()
        self.editor = CellEditor(self)
        self.error = ErrorText()
        self._unwatch = [model.watch(self.render), week.watch(self.render)]
        self.render()

    def leave(self) -> None:
        """Stop watching; the grid goes."""
        for unwatch in self._unwatch:
            unwatch()

    def render(self) -> None:
        """Rows are built again only when they are others; texts are always set."""
        keys = tuple(row.key for row in self.model.rows)
        built_for = (keys, self._week.week, self.model.can_write, self._frame.dark)
        if built_for != self._built_for:
            self._built_for = built_for
            self._build()
        for row, cells in zip(self.model.rows, self._cells, strict=True):
            for cell, widget in zip(row.cells, cells, strict=False):
                self._fill(cell, widget)
            cells[-1].text = format_duration(row.total) if row.total else ""
        for head, day in zip(self._heads, self._week.view.days, strict=True):
            head.strong = day.date == self._week.day
            head.below = day.holiday or ""
        for widget, minutes in zip(self._totals, self.model.day_totals, strict=True):
            widget.text = hours_text(minutes)
        self._show_error()

    def _build(self) -> None:
        strings = self._frame.strings
        self._selected = None
        head, rows = self.ids.head, self.ids.rows
        head.clear_widgets()
        rows.clear_widgets()
        head.add_widget(GridHead(text=strings("grid.project"), size_hint_x=3, halign="left"))
        self._heads = []
        for day in self._week.view.days:
            text = f"{strings.weekday_letter(day.date)} {day.date.day}"
            self._heads.append(GridHead(text=text))
            head.add_widget(self._heads[-1])
        head.add_widget(GridHead(text=strings("grid.total")))
        self._cells = [self._build_row(number, row) for number, row in enumerate(self.model.rows)]
        self._totals = self._build_totals()
        if self.model.can_write and self._week.view.lock is None:
            rows.add_widget(self._build_buttons())

    def _build_row(self, number: int, row: GridRow) -> list[GridCell]:
        line = GridLine()
        below = " · ".join(part for part in (row.customer, row.task) if part)
        stripe = project_color(row.project, dark=self._frame.dark)
        line.add_widget(GridTitle(title=row.title, below=below, stripe=stripe, size_hint_x=3))
        cells = []
        for column in range(7):
            cell = GridCell()
            cell.bind(on_release=lambda _cell, place=(number, column): self.select(*place))
            cells.append(cell)
            line.add_widget(cell)
        total = GridCell(locked=True)
        line.add_widget(total)
        self.ids.rows.add_widget(line)
        return [*cells, total]

    def _build_buttons(self) -> MDBoxLayout:
        strings, buttons = self._frame.strings, MDBoxLayout(adaptive_height=True, spacing=dp(8))
        for key, act in (
            ("grid.add_row", self._add_row),
            ("grid.last_rows", self.model.rows_of_last_week),
        ):
            button = PushButton(kind="text", text=strings(key))
            button.bind(on_release=lambda _button, act=act: act())
            buttons.add_widget(button)
        return buttons

    def _build_totals(self) -> list[GridHead]:
        line = GridLine()
        line.add_widget(
            GridHead(text=self._frame.strings("grid.total"), size_hint_x=3, halign="left")
        )
        totals = [GridHead() for _ in range(7)]
        for each in totals:
            line.add_widget(each)
        line.add_widget(Widget())
        self.ids.rows.add_widget(line)
        return totals

    def _fill(self, cell: Cell, widget: GridCell) -> None:
        marks = {Sync.SYNCED: "", Sync.WAITING: "cloud-upload-outline"}
        widget.text = cell.text
        widget.note = marks.get(cell.sync, "alert-circle-outline")
        widget.locked = not cell.editable
        day = self._week.view.days[cell.day.weekday()]
        widget.shaded = day.holiday is not None or day.absence is not None

    def select(self, row: int, column: int) -> None:
        """Choose the day, and edit the cell if it can be edited."""
        cell = self.model.rows[row].cells[column]
        self._leave_cell()
        self._week.choose(cell.day)
        self._selected = row, column
        widget = self._cells[row][column]
        widget.selected = True
        if not cell.editable or not self.model.can_write:
            if len(cell.entry_ids) > 1:
                self._frame.notify_key("grid.several")
            return
        self.editor.text = cell.text
        widget.add_widget(self.editor)
        self.editor.focus = True
        self.editor.select_all()

    def commit_and_move(self, rows: int, columns: int) -> None:
        """Keep the cell and go on to another; stay if it cannot be read."""
        place = self._selected
        if place is None or not self._commit():
            return
        row, column = place[0] + rows, place[1] + columns
        if column > 6:
            row, column = row + 1, 0
        elif column < 0:
            row, column = row - 1, 6
        if 0 <= row < len(self._cells):
            self.select(row, column)
        else:
            self._leave_cell()

    def cancel(self) -> None:
        """Leave the cell as it was."""
        self.model.error = None
        self._show_error()
        self._leave_cell()

    def _commit(self) -> bool:
        if self._selected is None or self.editor.parent is None:
            return True
        row, column = self._selected
        cell = self.model.rows[row].cells[column]
        return self.model.type(self.model.rows[row].key, cell.day, self.editor.text)

    def _leave_cell(self) -> None:
        """Save the typed text when the cell is left by a tap elsewhere."""
        if self._selected is None:
            return
        self._commit()
        row, column = self._selected
        self._selected = None
        if self.editor.parent is not None:
            self.editor.parent.remove_widget(self.editor)
        if row < len(self._cells):
            self._cells[row][column].selected = False

    def _show_error(self) -> None:
        error, strings = self.model.error, self._frame.strings
        text = error[2] if error is not None else ""
        self.ids.error.text = strings(text) if text and strings.known(text) else text

    def _add_row(self) -> None:
        def add(code: str) -> None:
            self.model.add_row(code)

        self._frame.show(ProjectSheet(self._frame.strings, self._frame.find_projects, add))

    @property
    def day(self) -> date:
        """The chosen day."""
        return self._week.day


class GridLine(MDBoxLayout):
    """A row of the grid."""


load_kv(__file__)
