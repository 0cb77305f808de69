"""Null runs: the baseline against itself after null edits, measured as any subject is.

Each run draws windows of its own and an edit of its own, so that runs can be exchanged with one
another and with an evaluation of an edit that does nothing. No run folder is written: what
nobody edited is not to be attested.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, get_args

from invarlock.artifacts.folder import open_folder, seal_file
from invarlock.canonical import digest_bytes, digest_json
from invarlock.errors import EnvironmentFault, SafetyRefusal
from invarlock.evaluate.assemble import assemble, observed
from invarlock.evaluate.executors.local import Local
from invarlock.evaluate.inputs import MAX_DATA_BYTES, Inputs
from invarlock.evaluate.request import ChosenBar, Request
from invarlock.evaluate.session import Session, whole_of
from invarlock.evidence.schema import HEADER_FILE, RuntimeFacts
from invarlock.evidence.store import read_evidence
from invarlock.judge import Values, contract_of, estimate, schedule_of
from invarlock.measure.job import NullEdit, NullKind
from invarlock.security.manifest import runtime_facts
from invarlock.security.select import choose_mode

Say = Callable[[str], None]
_KINDS: Final[tuple[NullKind, ...]] = get_args(NullKind)


@dataclass(frozen=True, slots=True)
class NullRun:
    """One null run: its edit as it was applied, the seed of its windows, the digest of the head
    of its evidence, and what the judge makes of it."""

    edit: NullEdit
    windows: str
    evidence: str
    values: Values


@dataclass(frozen=True, slots=True)
class NullRuns:
    """All null runs, and the digests of what they were made from."""

    baseline: str
    data: str
    contract: str
    packages: dict[str, str]
    runs: tuple[NullRun, ...]


def measure_null_runs(
    request: Request, chosen: ChosenBar, count: int, seed: int, say: Say
) -> NullRuns:
    """Measure ``count`` null runs of the request's baseline for the bar ``chosen``.

    ``seed`` decides edits and windows. Raises what an evaluation raises, in the same cases.
    """
    for what, path in (("baseline", request.baseline), ("data", request.data)):
        if not path.exists():
            raise EnvironmentFault("E601", f"{what} `{path}` does not exist", "check the path")
    contract = contract_of(chosen.bar)
    schedule = schedule_of(chosen.bar, chosen.bar.digest)
    mode = choose_mode(request.requested_mode)
    with ExitStack() as stack:
        say("hashing model and data")
        data = seal_file(request.data, MAX_DATA_BYTES)
        stack.callback(data.close)
        model = stack.enter_context(open_folder(request.baseline, budget=request.sealed_share))
        inputs = Inputs(
            request=request,
            mode=mode,
            contract=contract,
            schedule=schedule,
            baseline=model,
            subject=model,
            data=data,
        )
        runs = []
        packages: dict[str, str] = {}
        for at, edit in enumerate(edits_of(count, seed)):
            drawn = digest_json({"null": seed, "run": at, "bar": chosen.bar.digest})
            one = replace(inputs, schedule=schedule_of(chosen.bar, drawn), null=edit)
            found, packages = _run(one, _numbered(say, f"run {at + 1} of {count}"))
            runs.append(found)
    return NullRuns(model.root_digest, data.digest, contract.digest, packages, tuple(runs))


def _numbered(say: Say, mark: str) -> Say:
    return lambda line: say(f"{mark}: {line}")


def edits_of(count: int, seed: int) -> Iterator[NullEdit]:
    """``count`` null edits drawn from ``seed``, each by itself: kind and seed of its own."""
    for at in range(count):
        drawn = int(digest_json({"null": seed, "edit": at}).removeprefix("sha256:")[:12], 16)
        yield NullEdit(kind=_KINDS[drawn % len(_KINDS)], seed=drawn // len(_KINDS) % 2**32)


def _run(inputs: Inputs, say: Say) -> tuple[NullRun, dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="invarlock-null-") as folder:
        session = Session(inputs, Local(), None, Path(folder), say)
        session.measure(whole_of(inputs.schedule))
        baseline, subject = session.arms()
        parts = assemble(inputs, baseline, subject)
    manifest = observed(inputs, baseline, subject)
    evidence = read_evidence(parts, RuntimeFacts.model_validate(runtime_facts(manifest)))
    applied = subject.answer.null
    if inputs.null is None or applied is None:
        raise SafetyRefusal("E303", "the boundary's answer cannot be used: no null edit was made")
    found = NullRun(
        edit=NullEdit(kind=applied, seed=inputs.null.seed),
        windows=inputs.schedule.seed,
        evidence=digest_bytes(parts[HEADER_FILE]),
        values=estimate(evidence, inputs.contract),
    )
    return found, subject.answer.packages
