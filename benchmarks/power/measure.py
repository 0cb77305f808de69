"""One edit from subject to verdicts: made, measured once by the command line, judged by tier.

The measurement contract is the same for all tiers, so one run's evidence is judged under each; the
run itself is for the bar it was asked for. What is kept of an edit is its run folder, so that a
policy whose numbers changed can be judged again without measuring.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.power.edits import Edit
from benchmarks.power.subject import Baseline
from invarlock.errors import InvarlockError
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import RuntimeFacts
from invarlock.evidence.store import read_evidence
from invarlock.judge import (
    Key,
    Value,
    Values,
    Verdict,
    contract_of,
    decide,
    estimate,
    same_measurement,
    schedule_of,
)
from invarlock.policy import Compiled, load_policy
from invarlock.security.manifest import RuntimeManifest, runtime_facts

VERDICTS: Final = frozenset({0, 1, 3})
_ANY_SEED: Final = "sha256:" + "0" * 64
_KEY: Final = "key.json"
_ASKED: Final = "asked.json"


@dataclass(frozen=True)
class Setting:
    """What every edit is measured against, and where results are kept."""

    baseline: Baseline
    policy: Path
    tier: str
    profile: str
    kept: Path

    @property
    def compiled(self) -> Compiled:
        """The policy."""
        return load_policy(self.policy)

    def key(self, edit: Edit) -> dict[str, Any]:
        """What decides the evidence of an edit, up to the code that measures."""
        _, bar = self.compiled.bar(self.tier, self.profile)
        schedule = schedule_of(bar, _ANY_SEED)
        return {
            "edit": edit.name,
            "what": edit.what,
            "seed": edit.seed,
            "contract": contract_of(bar).model_dump(mode="json", exclude={"estimate"}),
            "windows": [schedule.preview, schedule.final],
        }


@dataclass(frozen=True)
class Judged:
    """One edit's outcome: values and a verdict by tier, or why there are none."""

    edit: Edit
    values: Values = field(default_factory=Values)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    refusal: str = ""


def measured(edit: Edit, setting: Setting) -> Path:
    """The folder that holds the edit's run, measured now unless it was before.

    ``run/`` lies in it, or ``refusal.txt`` where the evaluation gave no verdict.
    """
    folder = setting.kept / edit.name
    key = json.dumps(setting.key(edit), sort_keys=True)
    kept = (folder / _KEY).is_file() and (folder / _KEY).read_text(encoding="utf-8") == key
    if kept and _readable(folder):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subject = folder / "subject"
    began = time.monotonic()
    try:
        edit.make(setting.baseline, subject, edit.seed)
        made = time.monotonic() - began
        code = _evaluate(subject, folder, setting)
    finally:
        shutil.rmtree(subject, ignore_errors=True)
    took = {"exit": code, "made": round(made, 1), "all": round(time.monotonic() - began, 1)}
    (folder / _ASKED).write_text(json.dumps(took), encoding="utf-8")
    (folder / _KEY).write_text(key, encoding="utf-8")
    return folder


def _readable(folder: Path) -> bool:
    """Whether what is kept of an edit is evidence as it is written today, or a refusal."""
    if (folder / "refusal.txt").is_file():
        return True
    try:
        evidence_of(folder / "run")
    except (OSError, ValueError, InvarlockError):
        return False
    return True


def _evaluate(subject: Path, folder: Path, setting: Setting) -> int:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("invarlock")), "evaluate",
         "--policy", f"{setting.policy}#{setting.tier}+{setting.profile}",
         "--baseline", str(setting.baseline.folder), "--subject", str(subject),
         "--data", str(setting.baseline.data), "--cache", str(setting.kept / "baselines"),
         "--out", str(folder / "run")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in VERDICTS:
        said = [line for line in done.stderr.splitlines() if line.startswith("invarlock:")]
        text = f"exit {done.returncode}: {said[-1] if said else done.stderr[-400:]}"
        (folder / "refusal.txt").write_text(text, encoding="utf-8")
    return done.returncode


def judged(edit: Edit, setting: Setting) -> Judged:
    """The verdicts of all tiers over what :func:`measured` kept."""
    folder = setting.kept / edit.name
    refusal = folder / "refusal.txt"
    if refusal.is_file():
        return Judged(edit, refusal=refusal.read_text(encoding="utf-8"))
    evidence = evidence_of(folder / "run")
    compiled = setting.compiled
    verdicts: dict[str, Verdict] = {}
    estimated: dict[str, Values] = {}
    for tier in compiled.tiers:
        _, bar = compiled.bar(tier, setting.profile)
        contract = contract_of(bar)
        if not same_measurement(contract, evidence.header.contract):
            raise SystemExit(f"`{edit.name}` was measured under another contract: --fresh")
        if contract.digest not in estimated:
            estimated[contract.digest] = estimate(evidence, contract)
        verdicts[tier] = decide(bar, estimated[contract.digest])
    values = next(iter(estimated.values()))
    return Judged(edit, values, verdicts)


def evidence_of(run: Path) -> Evidence:
    """A run's evidence, read as a verifier reads it."""
    manifest = RuntimeManifest.model_validate_json((run / "runtime.manifest.json").read_bytes())
    parts = {path.name: path.read_bytes() for path in (run / "evidence").iterdir()}
    return read_evidence(parts, RuntimeFacts.model_validate(runtime_facts(manifest)))


def document(found: Judged) -> dict[str, Any]:
    """An outcome as JSON: every value, and the gates of each tier that did not pass."""
    return {
        "edit": found.edit.name,
        "class": found.edit.kind,
        "what": found.edit.what,
        "seed": found.edit.seed,
        "refusal": found.refusal,
        "values": [_value(key, value) for key, value in sorted(found.values.items.items())],
        "verdicts": {
            tier: {
                "verdict": verdict.verdict,
                "gates": [
                    gate.model_dump(mode="json") for gate in verdict.gates if gate.verdict != "pass"
                ],
            }
            for tier, verdict in found.verdicts.items()
        },
    }


def _value(key: Key, value: Value) -> dict[str, Any]:
    told: dict[str, Any] = {
        "measure": key.measure,
        "kind": key.kind,
        "name": key.name,
        "status": value.status,
    }
    for name in ("point", "low", "high", "words"):
        found = getattr(value, name)
        told[name] = None if found is None else str(found)
    return {**told, "reason": value.reason}
