#!/usr/bin/env python3
"""Write the tables of grammar/REFERENCE.md from the catalogue and the table of error codes.

Only what stands between the markers `<!-- NAME -->` and `<!-- end NAME -->` is replaced.
`--check` compares instead of writing and exits 1 on drift.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from invarlock.errors import CODES
from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, Measure, Setting
from invarlock.policy.intervals import describe, range_interval

REFERENCE = Path(__file__).resolve().parents[1] / "grammar" / "REFERENCE.md"
LANGUAGE_CODE = re.compile(r"E1\d\d")


def measures() -> str:
    rows = [
        (f"`{m.name}`", _values(m), "yes" if m.interval else "", _targets(m), m.summary)
        for m in MEASURES.values()
    ]
    return _table(("measure", "value", "interval, `.point`", "`on`", "what it is"), rows)


def settings() -> str:
    rows = [(f"`{s.name}`", _setting_values(s), f"`{s.default}`", s.summary) for s in _settings()]
    return _table(("setting", "value", "default", "what it is"), rows)


def codes() -> str:
    listed = [*(code for code in sorted(CODES) if LANGUAGE_CODE.fullmatch(code)), "E004"]
    rows = [(code, CODES[code].title, CODES[code].remedy) for code in sorted(listed)]
    return _table(("code", "what it means", "what usually mends it"), rows)


def _settings() -> Iterable[Setting]:
    return SETTINGS.values()


def _values(measure: Measure) -> str:
    if measure.unit is None:
        return ", ".join(f"`{word}`" for word in measure.words) or "digest"
    limits = describe(range_interval(measure.range))
    return measure.unit.value + ("" if limits == "unbounded" else f", `{limits}`")


def _setting_values(setting: Setting) -> str:
    if setting.unit is None:
        return ", ".join(f"`{word}`" for word in setting.words)
    return f"{setting.unit.value}, `{describe(range_interval(setting.range))}`"


def _targets(measure: Measure) -> str:
    if measure.families:
        return ", ".join(f"`{family}`" for family in FAMILIES) + ", `each family`"
    return '`"slice"`' if measure.slices else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in escaped)


def render(text: str) -> str:
    """``text`` with the marked tables renewed."""
    for name, body in (("measures", measures()), ("settings", settings()), ("codes", codes())):
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end {name} -->)", re.DOTALL)
        text, count = pattern.subn(lambda m, b=body: m[1] + b + m[2], text)
        if count != 1:
            raise SystemExit(f"{REFERENCE.name}: markers of `{name}` are missing or doubled")
    return text


def main(arguments: list[str]) -> int:
    old = REFERENCE.read_text("utf-8")
    new = render(old)
    if "--check" in arguments:
        if old == new:
            return 0
        print(f"{REFERENCE.name} differs from the catalogue; run {Path(__file__).name}")
        return 1
    REFERENCE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
