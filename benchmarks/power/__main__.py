"""``python -m benchmarks.power``: measure every edit of the table and judge it under every tier.

Takes SmolLM2-135M and its prose from the demo's cache, making them when absent. An edit that was
measured under the same contract is not measured again; `--fresh` forgets what is kept. With
`--record` the page benchmarks/power/TABLE.md is written. The folder of a subject is deleted as
soon as it was measured.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.power.changes import SCRIPTS
from benchmarks.power.edits import EDITS, Edit
from benchmarks.power.measure import Judged, Setting, document, evidence_of, judged, measured
from benchmarks.power.subject import Baseline
from benchmarks.power.table import render

ROOT: Final = SCRIPTS.parent
TABLE: Final = Path(__file__).with_name("TABLE.md")
COMMAND: Final = "python -m benchmarks.power --record"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="edits by name; `*` matches")
    parser.add_argument("--tier", default="balanced", help="the bar that is asked for")
    parser.add_argument("--profile", default="dev")
    parser.add_argument("--policy", type=Path, default=ROOT / "policies" / "causal_lm.invar")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "invarlock-power")
    parser.add_argument("--fresh", action="store_true", help="measure again what is kept")
    parser.add_argument("--record", action="store_true", help=f"write {TABLE.name}")
    parser.add_argument("--note", default="", help="a line for the page's head")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every value and gate as JSON")
    asked = parser.parse_args(argv)
    edits = [one for one in EDITS if any(fnmatch(one.name, name) for name in asked.only or ["*"])]
    setting = Setting(
        _baseline(), asked.policy, asked.tier, asked.profile, asked.cache / asked.profile
    )
    found = [_done(one, setting, fresh=asked.fresh) for one in edits]
    if asked.json:
        text = json.dumps([document(one) for one in found], indent=1, ensure_ascii=False)
        asked.json.write_text(text + "\n", encoding="utf-8")
    if asked.record:
        TABLE.write_text(render(found, list(_head(found, setting, asked.note))), encoding="utf-8")
    return 0


def _baseline() -> Baseline:
    from demo_cache import CACHE
    from fetch_model import fetch_model
    from fetch_prose import fetch_prose

    return Baseline(fetch_model(CACHE)[0], fetch_prose(CACHE)[0])


def _done(edit: Edit, setting: Setting, *, fresh: bool) -> Judged:
    if fresh:
        shutil.rmtree(setting.kept / edit.name, ignore_errors=True)
    measured(edit, setting)
    found = judged(edit, setting)
    told = ", ".join(f"{tier} {verdict.verdict}" for tier, verdict in found.verdicts.items())
    print(f"{edit.name:<18} {edit.kind:<10} {found.refusal or told}", flush=True)
    return found


def _head(found: Sequence[Judged], setting: Setting, note: str) -> Iterator[str]:
    """What the page says before its tables."""
    first = next(one.edit.name for one in found if not one.refusal)
    header = evidence_of(setting.kept / first / "run").header
    report = json.loads((setting.kept / first / "run" / "evaluation.report.json").read_text())
    compiled = setting.compiled
    versions = [f"{name} {version(name)}" for name in
                ("invarlock", "torch", "transformers", "numpy", "compressed-tensors")]  # fmt: skip
    shown = setting.policy.resolve()
    policy = shown.relative_to(ROOT) if shown.is_relative_to(ROOT) else shown.name
    yield "# Power table"
    yield ""
    yield f"Made by `{COMMAND}`; do not edit. {len(found)} seeded edits of SmolLM2-135M, each"
    yield "measured once against it inside the sandbox by `invarlock evaluate` and judged on that"
    yield f"evidence under every tier of `{policy}`, profile `{setting.profile}`."
    yield "What was expected of an edit was written down before it was measured"
    yield "(`benchmarks/power/edits.py`); one model and one text calibrate no other."
    yield ""
    yield f"- {datetime.now(UTC):%Y-%m-%d}; {', '.join(versions)};"
    yield f"  Python {platform.python_version()} on {platform.machine()}"
    yield f"- {header.schedule.final} final and {header.schedule.preview} preview windows of"
    yield f"  {header.contract.windows.length} tokens, drawn for bar"
    yield f"  `{report['policy']['bar']}` {report['policy']['bar_digest']}"
    yield f"- measurement contract {header.contract.digest}"
    yield f"- judged under policy {compiled.ir.digest}"
    yield f"- baseline {header.baseline.root}, data {header.data.digest}"
    if note:
        yield f"- {note}"


if __name__ == "__main__":
    sys.exit(main())
