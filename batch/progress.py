"""Progress bars on a terminal, messages in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

# Control characters from a file or a response must not control the terminal.
_CONTROLS = {code: "?" for code in (*range(32), *range(127, 160)) if code != ord("\n")}


def plain_text(text: str) -> Text:
    """The text without markup and control characters."""
    return Text(text.translate(_CONTROLS))


class Reporter:
    """Writes to stderr: stdout is for the summary."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def report(self, message: str) -> None:
        """Print a line above the progress bar."""
        self._console.print(plain_text(message), soft_wrap=True)

    @contextmanager
    def progress_bar(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Yields a function that takes the bytes done so far."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
        )
        shown = self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=not shown) as bar:
            task = bar.add_task(title, total=max(total, 1))

            def update(done: int) -> None:
                bar.update(task, completed=done)

            yield update
