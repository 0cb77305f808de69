"""What each arm's boundaries were given, recomputed from the models' files.

Only files on the loaders' allow-list enter a boundary, beside the job, the data and what the
baseline's arm left. The baseline's first boundary draws the windows from the data; its others are
given the windows instead. A manifest that names anything else, or less, is not that of this
evaluation. Of an import, the log takes the place of models and data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.artifacts.kinds import is_loaded
from invarlock.attest.predicate import Predicate
from invarlock.canonical import Json
from invarlock.evidence.schema import ARMS, Arm
from invarlock.judge.records import ModelRecord
from invarlock.security.manifest import RuntimeManifest
from invarlock.verify.differences import differences

_JOB: Final = "job.json"
_DATA: Final = "data.jsonl"
_WINDOWS: Final = ("positions.u32", "windows.json", "windows.u32")
_LEFT_BY_BASELINE: Final = (
    *_WINDOWS,
    "baseline.activations.json",
    "baseline.i64",
    "hidden.f32",
)


_LOG: Final = "log.jsonl"
_LEFT_BY_LOG: Final = ("order.json", "windows.json")


def given(predicate: Predicate, arm: Arm, boundary: int) -> list[str]:
    """The inputs of that ``boundary`` of ``arm`` by name, sorted."""
    if predicate.origin == "imported":
        return sorted({_JOB, _LOG, *(_LEFT_BY_LOG if arm == "subject" else ())})
    baseline, subject = predicate.baseline, predicate.subject
    if arm == "subject":
        models = _loaded("baseline", baseline) | _loaded("model", subject)
        return sorted({_JOB, _DATA, *_LEFT_BY_BASELINE, *models})
    own = _WINDOWS if boundary else (_DATA,)
    return sorted({_JOB, *own, *_loaded("model", baseline)})


def check_given(manifest: RuntimeManifest, predicate: Predicate) -> Iterator[tuple[str, str, str]]:
    """``(path, signed, recomputed)`` of every input that differs."""
    for arm in ARMS:
        for at, boundary in enumerate(manifest.arms[arm]):
            signed: list[Json] = [*boundary.inputs]
            recomputed: list[Json] = [*given(predicate, arm, at)]
            yield from differences(signed, recomputed, f"arms.{arm}[{at}].inputs")


def _loaded(prefix: str, model: ModelRecord | None) -> set[str]:
    if model is None:
        return set()
    return {f"{prefix}/{file.path}" for file in model.files if is_loaded(file.path)}
