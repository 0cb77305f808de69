"""One look at a deployed model: every byte hashed, and what differs from the attestation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from invarlock.artifacts.descriptor import Pace
from invarlock.artifacts.folder import FileEntry, tree_of
from invarlock.artifacts.shown import shown, spelt
from invarlock.errors import (
    EXIT_PASS,
    EXIT_VERIFICATION,
    EnvironmentFault,
    SafetyRefusal,
)
from invarlock.evidence.schema import Digest
from invarlock.verify.watch.attested import Attested

MAX_SHOWN: Final = 100
ABSENT: Final = "absent"
NOT_ATTESTED: Final = "not attested"

Cause = Literal["start", "schedule", "change"]


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of day and a steady clock, both in seconds, and a way to wait."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


CLOCK: Final = Clock()


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Difference(_Closed):
    """A file that is not the one attested; ``found`` or ``expected`` may say that it is absent or
    not part of what was attested. Paths are shown in ASCII."""

    path: str
    found: str
    expected: str


class Check(_Closed):
    """One look. ``same`` is the answer; ``code`` and ``reason`` say why there was no reading.

    ``bytes`` were hashed in ``seconds``, at ``time`` in seconds since 1970 UTC by this machine's
    clock, because of ``cause``. ``differing`` counts files, of which the first are listed.
    """

    version: Literal["invarlock.watch/1"] = "invarlock.watch/1"
    model: str
    same: bool
    exit_code: int
    cause: Cause
    time: int
    seconds: float = Field(ge=0)
    bytes: int = Field(ge=0)
    expected: Digest
    found: Digest | None
    differing: int = Field(ge=0)
    differences: tuple[Difference, ...]
    code: str | None
    reason: str


def check_model(
    model: Path, attested: Attested, *, pace: Pace, cause: Cause = "start", clock: Clock = CLOCK
) -> Check:
    """Hash every file of ``model`` one after another, at ``pace``, and compare.

    A folder that cannot be read, or that no one should load, is a difference like any other: what
    was attested is not there. Raises nothing for what the folder holds.
    """
    moment, began = int(clock.wall()), clock.steady()
    found: Digest | None = None
    files: tuple[FileEntry, ...] = ()
    failed: EnvironmentFault | SafetyRefusal | None = None
    try:
        found, files = tree_of(model, pace=pace)
    except (EnvironmentFault, SafetyRefusal) as err:
        failed = err
    except OSError as err:
        told = (err.strerror or "unknown").lower()
        failed = EnvironmentFault("E602", f"`{model}` cannot be read: {told}", "check its mode")
    same = found == attested.digest
    differences = () if same or failed is not None else tuple(_differences(files, attested))
    return Check(
        model=spelt(str(model)),
        same=same,
        exit_code=_exit(same, failed),
        cause=cause,
        time=moment,
        seconds=round(max(0.0, clock.steady() - began), 3),
        bytes=sum(file.size for file in files),
        expected=attested.digest,
        found=found,
        differing=len(differences),
        differences=differences[:MAX_SHOWN],
        code=failed.code if failed is not None else None if same else "E403",
        reason=_reason(same, failed),
    )


def _exit(same: bool, failed: EnvironmentFault | SafetyRefusal | None) -> int:
    if failed is not None:
        return failed.exit_code
    return EXIT_PASS if same else EXIT_VERIFICATION


def _reason(same: bool, failed: EnvironmentFault | SafetyRefusal | None) -> str:
    if failed is not None:
        return shown(f"{failed.message}; {failed.hint}" if failed.hint else failed.message)
    return "" if same else "the model is not the one that was attested"


def _differences(files: tuple[FileEntry, ...], attested: Attested) -> Iterator[Difference]:
    there = {file.path: file.digest for file in files}
    for path in sorted(there.keys() | attested.files.keys()):
        found = there.get(path, ABSENT)
        expected = attested.files.get(path, NOT_ATTESTED)
        if found != expected:
            yield Difference(path=spelt(path), found=found, expected=expected)
