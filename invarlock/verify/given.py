"""What each arm's boundary was given, recomputed from the models' files.

Only files on the loaders' allow-list enter a boundary, beside the job, the data and what the
baseline's arm left. A manifest that names anything else, or less, is not that of this evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from invarlock.artifacts.kinds import is_loaded
from invarlock.attest.predicate import Predicate
from invarlock.canonical import Json
from invarlock.evidence.schema import Arm
from invarlock.judge.records import ModelRecord
from invarlock.security.manifest import RuntimeManifest
from invarlock.verify.differences import differences

_ALWAYS: Final = ("data.jsonl", "job.json")
_LEFT_BY_BASELINE: Final = (
    "baseline.i64",
    "hidden.f32",
    "positions.u32",
    "windows.json",
    "windows.u32",
)


def given(baseline: ModelRecord, subject: ModelRecord) -> Mapping[Arm, list[str]]:
    """The inputs of either arm by name, sorted."""
    return {
        "baseline": sorted({*_ALWAYS, *_loaded("model", baseline)}),
        "subject": sorted(
            {
                *_ALWAYS,
                *_LEFT_BY_BASELINE,
                *_loaded("baseline", baseline),
                *_loaded("model", subject),
            }
        ),
    }


def check_given(manifest: RuntimeManifest, predicate: Predicate) -> Iterator[tuple[str, str, str]]:
    """``(path, signed, recomputed)`` of every input that differs."""
    wanted = given(predicate.baseline, predicate.subject)
    for arm, names in wanted.items():
        signed: list[Json] = [*manifest.arms[arm].inputs]
        recomputed: list[Json] = [*names]
        yield from differences(signed, recomputed, f"arms.{arm}.inputs")


def _loaded(prefix: str, model: ModelRecord) -> set[str]:
    return {f"{prefix}/{file.path}" for file in model.files if is_loaded(file.path)}
