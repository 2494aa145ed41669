"""Guides as programs: the files and the shell commands of a Markdown page.

A block "```csv hours.csv" is a file, "```sh" a command that must succeed, "```sh exit=1" one that
exits with 1, "```sh no-run" one that is only shown.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_block = re.compile(r"^```(?P<language>\w+)(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the words after it, and the lines within."""

    language: str
    words: tuple[str, ...]
    text: str

    @property
    def exit_code(self) -> int:
        """The exit code that a command must have."""
        codes = [word.removeprefix("exit=") for word in self.words if word.startswith("exit=")]
        return int(codes[0]) if codes else 0

    @property
    def is_run(self) -> bool:
        """Whether a test runs it."""
        return self.language == "sh" and "no-run" not in self.words

    @property
    def file_name(self) -> str:
        """The name of the file that the block contains, or an empty string."""
        is_file = self.language in ("csv", "json") and self.words
        return self.words[0] if is_file else ""


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page in docs/."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [
        Block(match["language"], tuple(match["words"].split()), match["text"])
        for match in _block.finditer(text)
    ]


async def run(script: str, directory: Path, environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a bash script that stops at its first error."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        cwd=directory,
        env=dict(environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
