#!/usr/bin/env python3
"""Write the tables of grammar/REFERENCE.md from the catalogue and the table of error codes, the
intermediate form of its example, and the pin of the file that it includes.

Only what stands between the markers `<!-- NAME -->` and `<!-- end NAME -->`, and that pin, is
replaced.
`--check` compares instead of writing and exits 1 on drift.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from invarlock.errors import CODES
from invarlock.policy import compile_policy
from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, Measure, Setting
from invarlock.policy.intervals import describe, range_interval

REFERENCE = Path(__file__).resolve().parents[1] / "grammar" / "REFERENCE.md"
LANGUAGE_CODE = re.compile(r"E1\d\d")


def measures() -> str:
    rows = [
        (f"`{m.name}`", _values(m), "yes" if m.interval else "", _targets(m), _for(m), m.summary)
        for m in MEASURES.values()
    ]
    head = ("measure", "value", "interval, `.point`", "`on`", "`task`", "what it is")
    return _table(head, rows)


def settings() -> str:
    rows = [
        (f"`{s.name}`", _setting_values(s), f"`{s.default}`", _for(s), s.summary)
        for s in _settings()
    ]
    return _table(("setting", "value", "default", "`task`", "what it is"), rows)


def codes() -> str:
    listed = [*(code for code in sorted(CODES) if LANGUAGE_CODE.fullmatch(code)), "E004"]
    rows = [(code, CODES[code].title, CODES[code].remedy) for code in sorted(listed)]
    return _table(("code", "what it means", "what usually mends it"), rows)


def example(text: str) -> str:
    """The intermediate form and the digests of the policy marked as the example of ``text``."""
    ir = compile_policy(_fenced(text, "example").encode(), filename="example").ir
    document = json.dumps(ir.document(), indent=2)
    bars = "".join(f"bar {name}: {bar.digest}\n" for name, bar in ir.bars.items())
    return f"```json\n{document}\n```\n\n```text\n{bars}policy: {ir.digest}\n```"


def pinned(text: str) -> str:
    """``text`` with the pin of the file that one of its examples includes."""
    name = "house.invar"
    ir = compile_policy(_fenced(text, f"file {name}").encode(), filename=name).ir
    return re.sub(rf'(?m)^(include "{name}" )sha256:\w+', rf"\g<1>{ir.digest}", text)


def _fenced(text: str, kind: str) -> str:
    match = re.search(rf"^```invar {kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if match is None:
        raise SystemExit(f"{REFERENCE.name}: no block marked `{kind}`")
    return match[1]


def _settings() -> Iterable[Setting]:
    return SETTINGS.values()


def _values(measure: Measure) -> str:
    if measure.unit is None:
        return ", ".join(f"`{word}`" for word in measure.words) or measure.kind.value
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


def _for(declared: Measure | Setting) -> str:
    return ", ".join(f"`{task}`" for task in declared.tasks) or "any"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in escaped)


def render(text: str) -> str:
    """``text`` with all that is generated in it renewed."""
    text = pinned(text)
    parts = {
        "example": example(text),
        "measures": measures(),
        "settings": settings(),
        "codes": codes(),
    }
    for name, body in parts.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end {name} -->)", re.DOTALL)
        text, count = pattern.subn(partial(_between, body), text)
        if count != 1:
            raise SystemExit(f"{REFERENCE.name}: markers of `{name}` are missing or doubled")
    return text


def _between(body: str, marks: re.Match[str]) -> str:
    return marks[1] + body + marks[2]


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
