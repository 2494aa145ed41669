"""How far it is: a bar where somebody looks, nothing where a log is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

# Control characters of a file or an answer must not steer the terminal.
_CONTROLS = {code: "?" for code in (*range(32), *range(127, 160)) if code != ord("\n")}


def plain(text: str) -> Text:
    """Text that is shown as it is, without markup and without control characters."""
    return Text(text.translate(_CONTROLS))


class Reporter:
    """Speaks on stderr: stdout is for the summary."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def tell(self, words: str) -> None:
        self._console.print(plain(words), soft_wrap=True)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Gives what to call with the bytes done so far."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
        )
        shown = self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=not shown) as bar:
            task = bar.add_task(what, total=max(total, 1))

            def done(count: int) -> None:
                bar.update(task, completed=count)

            yield done
