"""Writes the words of the catalogue into grammar/editors/invar.tmLanguage.json.

The rest of that file is written by hand. A test compares.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, Unit  # noqa: E402

TARGET = ROOT / "grammar" / "editors" / "invar.tmLanguage.json"
_BEFORE, _AFTER = "(?<![a-z0-9_.])", "(?![a-z0-9_.])"
_NUMBER = r"-?[0-9][0-9_]*(?:\.[0-9]+)?"


def matches() -> dict[str, str]:
    """The generated pattern of each entry of the repository."""
    units = [unit.value for unit in Unit if unit not in {Unit.RATIO, Unit.COUNT}]
    words = {word for measure in MEASURES.values() for word in measure.words}
    return {
        "quantity": rf"(?<![a-z0-9_.])({_NUMBER})(?:\s*(%)|\s*({_any(units)}){_AFTER})?",
        "word": _BEFORE + _any(words) + _AFTER,
        "measure": f"{_BEFORE}({_any(MEASURES)})(\\.point)?{_AFTER}",
        "setting": _BEFORE + _any(SETTINGS) + _AFTER,
        "family": _BEFORE + _any([*FAMILIES, "family"]) + _AFTER,
    }


def render() -> str:
    """The grammar as it should be."""
    grammar = json.loads(TARGET.read_text("utf-8"))
    for name, match in matches().items():
        grammar["repository"][name]["match"] = match
    return json.dumps(grammar, ensure_ascii=False, indent=2) + "\n"


def _any(words: Iterable[str]) -> str:
    return "(?:" + "|".join(map(re.escape, sorted(words))) + ")"


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
