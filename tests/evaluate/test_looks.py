"""A run with looks stops once it is decided, not sooner, and measures what a whole one does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from invarlock.evaluate.assemble import assemble, observed
from invarlock.evaluate.cache import BaselineCache
from invarlock.evaluate.inputs import Inputs, open_inputs
from invarlock.evaluate.looks import look_spans, measure_until_decided
from invarlock.evaluate.request import Request
from invarlock.evaluate.session import Session, whole_of
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Header, RuntimeFacts
from invarlock.evidence.store import read_evidence
from invarlock.judge import contract_of, demanded
from invarlock.judge.decide import decide
from invarlock.judge.estimate import estimate
from invarlock.judge.verdict import Verdict
from invarlock.measure.job import Span
from invarlock.policy import compile_policy
from invarlock.policy.ir import BarIR
from invarlock.security.manifest import runtime_facts
from tests.evaluate.here import Here
from tests.measure.tiny import edited, make_model, prose, write_data

FINAL, PREVIEW = 96, 5
ENDS = (32, 64, 96)


def bar_of(
    *gates: str, final: int = FINAL, preview: int = PREVIEW, looks: str = "obrien_fleming"
) -> BarIR:
    """A bar with these gates and three looks, or one where ``looks`` is empty."""
    plan = f"estimate {{ looks = 3; spending = {looks}; minimum = 8 }}" if looks else ""
    floor = [f"require windows.preview >= {preview}"] if preview else []
    lines = [
        "invar 1", 'policy looks "1"', "task = causal_lm", "windows { length = 16 tokens }", plan,
        "tier only {", f"require windows.final >= {final}", *floor, *gates, "}",
    ]  # fmt: skip
    return compile_policy("\n".join([*lines, ""]).encode(), filename="looks.invar").bar(
        "only", None
    )[1]


@dataclass(frozen=True)
class Bench:
    """A baseline, its data, and a folder for subjects and what is left of runs."""

    root: Path
    baseline: Path
    data: Path

    def subject(self, name: str, scale: float) -> Path:
        """The baseline with its output head scaled."""
        folder = self.root / name

        def scaled(tensors: dict[str, np.ndarray[Any, Any]]) -> None:
            tensors["lm_head.weight"] *= np.float32(scale)

        return folder if folder.exists() else edited(self.baseline, folder, scaled)

    def inputs(self, bar: BarIR, subject: Path, stack: ExitStack) -> Inputs:
        request = Request(
            *("unused", None, None),
            baseline=self.baseline,
            subject=subject,
            data=self.data,
            out=self.root / "run",
            threads=1,
        )
        return open_inputs(
            *(request, "host", contract_of(bar)), lambda data: demanded(bar, data, None)[1], stack
        )


@dataclass(frozen=True)
class Run:
    """What came of a run, and what it said on the way."""

    evidence: Evidence
    verdict: Verdict
    said: tuple[str, ...]
    executor: Here

    @property
    def windows(self) -> tuple[int, int]:
        """Final and preview windows measured."""
        phases = [window.phase for window in self.evidence.windows]
        return phases.count("final"), phases.count("preview")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    root = tmp_path_factory.mktemp("looks")
    return Bench(root, make_model(root / "baseline"), write_data(root / "d.jsonl", prose(60)))


def run(
    bench: Bench,
    bar: BarIR,
    subject: Path,
    scratch: Path,
    *,
    workers: int = 1,
    cache: BaselineCache | None = None,
    whole: bool = False,
) -> Run:
    """Measure for ``bar`` until it is decided, or ``whole``."""
    said: list[str] = []
    executor = Here(workers)
    scratch.mkdir(parents=True)
    with ExitStack() as stack:
        inputs = bench.inputs(bar, subject, stack)
        session = Session(inputs, executor, cache, scratch, said.append)
        if whole:
            session.measure(whole_of(inputs.schedule))
            arms = session.arms()
        else:
            session.has_kept(look_spans(inputs.schedule, inputs.contract))
            reached = measure_until_decided(session, bar, said.append)
            inputs, arms = reached.inputs, reached.arms
        parts = assemble(inputs, *arms)
    facts = RuntimeFacts.model_validate(runtime_facts(observed(inputs, *arms)))
    evidence = read_evidence(parts, facts)
    verdict = decide(bar, estimate(evidence, evidence.header.contract))
    return Run(evidence, verdict, tuple(said), executor)


def untimed(found: Run) -> Header:
    """The header, which has the digests of all parts, but for that of the times."""
    header = found.evidence.header
    parts = {name: digest for name, digest in header.parts.items() if name != "overhead.json"}
    return header.model_copy(update={"parts": parts})


RATIO = "require perplexity.ratio <= 1.10"


def test_what_is_clearly_harmless_or_harmful_stops_early(bench: Bench, tmp_path: Path) -> None:
    for name, scale, verdict in (("good", 1.0001, "pass"), ("bad", 2, "fail")):
        found = run(bench, bar_of(RATIO), bench.subject(name, scale), tmp_path / name)
        assert (found.verdict.verdict, found.windows) == (verdict, (ENDS[0], 0))
        assert found.evidence.header.schedule.look == 1
        assert found.evidence.header.schedule.final == FINAL
        assert found.said[-1] == f"look 1 of 3: {verdict}, decided"


@pytest.fixture(scope="module")
def census(bench: Bench) -> tuple[int, Decimal]:
    """All windows of the data, and what the subject ``middling`` shows on them."""
    subject = bench.subject("middling", 1.05)
    few = run(bench, bar_of(RATIO, preview=0, looks=""), subject, bench.root / "few")
    final = few.evidence.header.data.windows
    bar = bar_of(RATIO, final=final, preview=0, looks="")
    whole = run(bench, bar, subject, bench.root / "all")
    (ratio,) = (gate for gate in whole.verdict.gates if gate.measure == "perplexity.ratio")
    assert ratio.observed is not None
    return final, Decimal(ratio.observed)


@pytest.fixture(scope="module")
def to_the_end(bench: Bench, census: tuple[int, Decimal]) -> tuple[BarIR, Run]:
    """A run whose bound is what all windows show, whatever order they come in."""
    final, ratio = census
    bar = bar_of(f"require perplexity.ratio <= {ratio}", final=final, preview=0)
    return bar, run(bench, bar, bench.subject("middling", 1.05), bench.root / "end")


def test_what_lies_on_the_bound_goes_to_the_end(
    census: tuple[int, Decimal], to_the_end: tuple[BarIR, Run]
) -> None:
    _, found = to_the_end
    assert (found.verdict.verdict, found.windows) == ("inconclusive", (census[0], 0))
    assert found.evidence.header.schedule.look == 3
    assert [line for line in found.said if "so far" in line] == [
        "look 1 of 3: inconclusive so far",
        "look 2 of 3: inconclusive so far",
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_looks_change_no_number_and_measure_nothing_twice(
    bench: Bench, to_the_end: tuple[BarIR, Run], workers: int, tmp_path: Path
) -> None:
    bar, found = to_the_end
    subject = bench.subject("middling", 1.05)
    if workers > 1:
        found = run(bench, bar, subject, tmp_path / "looked", workers=workers)
    whole = run(bench, bar, subject, tmp_path / "whole", whole=True)
    assert untimed(found) == untimed(whole)
    for arm in ("baseline", "subject"):
        pieces = [piece for piece in found.executor.done if piece.arm == arm]
        spans = [piece.span for piece in pieces if piece.span.windows]
        assert sum(span.windows for span in spans) == len(whole.evidence.windows)
        shards = [piece.tensors for piece in pieces if piece.tensors is not None]
        assert len(shards) == workers


def test_a_measure_without_an_interval_holds_a_pass_up_and_not_a_fail(
    bench: Bench, tmp_path: Path
) -> None:
    tail = "require perplexity.tail.p95 <= 5 nats"
    good = run(bench, bar_of(RATIO, tail), bench.subject("good", 1.0001), tmp_path / "good")
    assert (good.verdict.verdict, good.windows) == ("pass", (FINAL, PREVIEW))
    bad = run(bench, bar_of(RATIO, tail), bench.subject("bad", 2), tmp_path / "bad")
    assert (bad.verdict.verdict, bad.windows) == ("fail", (ENDS[0], 0))


def test_a_warning_does_not_hold_a_run_up(bench: Bench, tmp_path: Path) -> None:
    warn = "warn perplexity.tail.p95 <= 5 nats"
    found = run(bench, bar_of(RATIO, warn), bench.subject("good", 1.0001), tmp_path / "run")
    assert (found.verdict.verdict, found.windows) == ("pass", (ENDS[0], 0))
    (gate,) = (gate for gate in found.verdict.gates if gate.level == "warn")
    assert gate.verdict == "inconclusive"


def test_too_few_documents_decide_nothing(bench: Bench, tmp_path: Path) -> None:
    bar = bar_of(RATIO)
    settings = {**bar.settings, "estimate.minimum": "40"}  # of 60, which 32 windows cannot show
    few = replace(bar, settings=settings)
    found = run(bench, few, bench.subject("good", 1.0001), tmp_path / "run")
    assert found.evidence.header.schedule.look > 1
    assert found.verdict.verdict == "pass"


def test_kept_results_serve_as_many_looks_as_were_measured(bench: Bench, tmp_path: Path) -> None:
    cache = BaselineCache(tmp_path / "cache")
    good, bad = bench.subject("good", 1.0001), bench.subject("bad", 2)
    tail = bar_of(RATIO, "require perplexity.tail.p95 <= 5 nats")
    run(bench, tail, bad, tmp_path / "first", cache=cache)
    second = run(bench, tail, good, tmp_path / "second", cache=cache)
    fresh = run(bench, tail, good, tmp_path / "fresh")
    assert second.said.count("baseline: kept results, MAC verified") == 1
    assert [p.span for p in second.executor.done if p.arm == "baseline"] == [
        Span(start=32, stop=64),
        Span(start=64, stop=101),
    ]
    assert untimed(second) == untimed(fresh)
    third = run(bench, tail, good, tmp_path / "third", cache=cache)
    assert [piece for piece in third.executor.done if piece.arm == "baseline"] == []


def test_spans_follow_the_looks_and_preview_comes_last(bench: Bench) -> None:
    bar = bar_of(RATIO)
    with ExitStack() as stack:
        inputs = bench.inputs(bar, bench.baseline, stack)
    assert look_spans(inputs.schedule, inputs.contract) == (
        Span(start=0, stop=32),
        Span(start=32, stop=64),
        Span(start=64, stop=FINAL + PREVIEW),
    )
    one = contract_of(bar_of(RATIO, looks=""))
    assert look_spans(inputs.schedule, one) == (whole_of(inputs.schedule),)
