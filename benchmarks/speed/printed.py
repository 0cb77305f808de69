"""Lines of figures, printed as they come and kept for the record."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.speed.process import ROOT

RESULTS: Final = ROOT / "benchmarks" / "RESULTS.md"
_BEGIN: Final = "<!-- figures: {name} -->\n```text\n"
_END: Final = "```\n"


class Lines:
    """What one group of figures printed."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def say(self, text: str) -> None:
        """Print and keep a line."""
        self.kept.append(text)
        print(text, flush=True)

    def figure(self, name: str, figure: str, target: str = "-") -> None:
        """A figure beside its target."""
        self.say(f"{name:<60} {figure:>18}   target {target}")


def machine() -> list[str]:
    """What the figures are taken on."""
    cpu = next(
        (row.split(":", 1)[1].strip() for row in Path("/proc/cpuinfo").read_text().splitlines()
         if row.startswith("model name")), platform.processor(),
    )  # fmt: skip
    versions = " ".join(f"{name} {version(name)}" for name in ("invarlock", "torch", "numpy"))
    return [
        f"{cpu}, {len(os.sched_getaffinity(0))} CPUs, Python {platform.python_version()}",
        f"{versions}, {datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[0]:.1f}",
    ]


def record(groups: Mapping[str, Sequence[str]]) -> None:
    """Put the lines of each group in place of what an earlier run of that group left."""
    text = RESULTS.read_text(encoding="utf-8")
    for name, lines in groups.items():
        before, mark, rest = text.partition(_BEGIN.format(name=name))
        assert mark, f"RESULTS.md has no place for `{name}`"
        text = before + mark + "\n".join(lines) + "\n" + _END + rest.partition(_END)[2]
    RESULTS.write_text(text, encoding="utf-8")
