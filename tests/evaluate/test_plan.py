"""The plan: what it counts, and that a run which does not fit is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from invarlock.artifacts.model_files import open_model
from invarlock.errors import EnvironmentFault
from invarlock.evaluate.inputs import Inputs, open_inputs
from invarlock.evaluate.memory import BOUNDARY_BYTES, available_bytes, sealed_share
from invarlock.evaluate.plan import Plan, check_budget, make_plan
from invarlock.evaluate.request import Request
from invarlock.evidence.schema import Schedule
from invarlock.measure.job import ModelSize
from invarlock.measure.size import size_of
from tests.measure.arms import SEED, contract
from tests.measure.tiny import VOCABULARY, make_model, prose, write_data

SIZE = ModelSize(parameters=10**9, largest=10**8, vocabulary=50_000, width=2_000)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inputs]:
    root = tmp_path_factory.mktemp("plan")
    model, data = make_model(root / "m"), write_data(root / "data.jsonl", prose())
    request = Request(
        *("unused", None, None), baseline=model, subject=model, data=data, out=root / "run"
    )
    schedule = Schedule(seed=SEED, preview=4, final=20)
    with ExitStack() as stack:
        yield open_inputs(request, "host", contract(), lambda digest: schedule, stack)


def test_it_counts_windows_tokens_and_bytes(inputs: Inputs) -> None:
    plan = make_plan(inputs, SIZE, workers=1, kept=False)
    files = [path for path in inputs.request.baseline.iterdir() if path.is_file()]
    whole = 2 * sum(path.stat().st_size for path in files) + inputs.data.size
    assert (plan.windows, plan.tokens, plan.hashed) == (24, 24 * 16, whole)
    assert 0 < plan.sealed < plan.hashed
    assert plan.boundary > BOUNDARY_BYTES + 4 * SIZE.parameters
    first, second = plan.lines()
    assert first.startswith("plan: 24 windows, 384 tokens, twice a model of 1 billion parameters")
    assert second.endswith("for both arms")


def test_what_is_kept_takes_no_time_and_half_the_dtype_half_the_memory(inputs: Inputs) -> None:
    both = make_plan(inputs, SIZE, workers=1, kept=False)
    one = make_plan(inputs, SIZE, workers=1, kept=True)
    assert one.seconds < both.seconds
    half = replace(inputs, contract=inputs.contract.model_copy(update={"dtype": "bfloat16"}))
    saved = both.boundary - make_plan(half, SIZE, workers=1, kept=False).boundary
    assert saved == 2 * SIZE.parameters


def test_workers_hold_copies_and_models_each(inputs: Inputs) -> None:
    one = make_plan(inputs, SIZE, workers=1, kept=False)
    two = make_plan(inputs, SIZE, workers=2, kept=False)
    assert one.memory == one.sealed + one.boundary
    assert two.memory == 3 * two.sealed + 2 * two.boundary


def test_a_plan_above_the_budget_is_refused(inputs: Inputs) -> None:
    plan: Plan = make_plan(inputs, SIZE, workers=1, kept=False)
    check_budget(plan, plan.memory)
    with pytest.raises(EnvironmentFault) as caught:
        check_budget(plan, plan.memory - 1)
    assert (caught.value.code, caught.value.exit_code) == ("E609", 6)
    assert "GiB" in caught.value.message


def test_models_are_sealed_only_where_all_else_fits_too() -> None:
    assert sealed_share(BOUNDARY_BYTES - 1, 1) == 0
    assert sealed_share(BOUNDARY_BYTES + 400, 1) == 100
    assert sealed_share(3 * (BOUNDARY_BYTES + 400), 3) == 100
    assert available_bytes() > 0


def test_sizes_come_from_headers_and_configuration(inputs: Inputs) -> None:
    with open_model(inputs.request.baseline) as files:
        size = size_of(files)
        nested = replace(files, config={"text_config": {"hidden_size": 7, "vocab_size": "many"}})
        absurd = replace(files, config={"hidden_size": 2**50, "vocab_size": True})
        assert (size_of(nested).width, size_of(nested).vocabulary) == (7, 0)
        assert (size_of(absurd).width, size_of(absurd).vocabulary) == (0, 0)
    assert (size.vocabulary, size.width) == (VOCABULARY, 32)
    assert size.largest == VOCABULARY * 32 * 4
    weights = Path(inputs.request.baseline / "model.safetensors").stat().st_size
    assert weights - 8192 < 4 * size.parameters < weights
