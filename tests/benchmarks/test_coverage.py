"""False passes with the truth on the bound, by simulation; `make coverage` runs the full counts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.coverage import answers, sequential
from benchmarks.coverage.answers import Asked
from benchmarks.coverage.found import Found
from benchmarks.coverage.page import render
from benchmarks.coverage.sequential import Plan
from benchmarks.coverage.shapes import SHAPES, Cell
from benchmarks.coverage.single import simulate

TRIALS, LOOKED, RESAMPLES = 600, 400, 400


@pytest.mark.parametrize(
    "cell",
    [
        Cell("normal", 16, 1),
        Cell("normal", 16, 4),
        Cell("lognormal", 128, 1),
        Cell("rare 10%", 128, 1),
    ],
    ids=str,
)
def test_few_pass_falsely_where_the_table_says_so(cell: Cell) -> None:
    found = simulate(cell, TRIALS, RESAMPLES)
    assert found.kept, f"{found.passed:.2%} passed"
    assert found.coverage > 0.92


def test_a_simulation_of_too_few_documents_shows_it() -> None:
    """The control: what a sample has not met no interval can know."""
    found = simulate(Cell("rare 2%", 16, 1), TRIALS, RESAMPLES)
    assert not found.kept
    assert found.passed > 0.1


OBRIEN_FLEMING, POCOCK = Plan(3, "obrien_fleming", 16), Plan(3, "pocock", 16)


@pytest.mark.parametrize("cell", [Cell("normal", 96, 1), Cell("normal", 48, 4)], ids=str)
def test_looks_err_no_more_often_and_save_windows(cell: Cell) -> None:
    found = sequential.simulate(cell, [OBRIEN_FLEMING, POCOCK], LOOKED, RESAMPLES)
    for looked in found.values():
        assert looked.by[0][0].kept, f"{looked.by[0][0].passed:.2%} passed"
        used = {distance: share for distance, (_, share) in looked.by.items()}
        assert used[2] < used[1] < used[0] <= 1
        assert used[-2] < used[-1] < used[0]
        assert looked.by[2][0].passed > 0.9
        assert looked.by[-1][0].passed < 0.1
    assert found[POCOCK].by[2][1] < found[OBRIEN_FLEMING].by[2][1]


def test_looks_that_do_not_share_their_errors_err_more_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: five looks at the same runs, each at the level of a single one."""
    cell, plan = Cell("normal", 192, 1), Plan(5, "obrien_fleming", 16)
    shared = sequential.simulate(cell, [plan], LOOKED, RESAMPLES)[plan].by[0][0]
    monkeypatch.setattr(sequential, "critical_values", lambda kind, tail, at: [1.959964] * len(at))
    alone = sequential.simulate(cell, [plan], LOOKED, RESAMPLES)[plan].by[0][0]
    assert shared.kept
    assert not alone.kept


def test_too_few_documents_stop_no_run() -> None:
    cell, plan = Cell("normal", 96, 1), Plan(3, "pocock", 96)
    found = sequential.simulate(cell, [plan], 100, RESAMPLES)
    assert found[plan].by[2][1] == 1


def test_the_page_says_what_is_kept_and_what_is_not() -> None:
    cells = [Cell("normal", 128, 1), Cell("rare 2%", 32, 1)]
    plans = [Plan(3, "pocock", minimum) for minimum in (128, 16)]
    several = {
        (cell, plan): looked
        for cell in cells
        for plan, looked in sequential.simulate(cell, plans, 200, 100).items()
    }
    asked = Asked(bound=2, items=128, gained=0)
    answered = {asked: answers.simulate(asked, 200, 100)}
    page = render(Found({cell: simulate(cell, 200, 100) for cell in cells}, several, answered, 100))
    assert "| normal | 128 |" in page
    assert "| rare 2% | more than 128 |" in page
    assert "Not kept: rare 2%, 32 documents, pocock, 3 looks." in page


def test_shapes_have_mean_nought_and_variance_one() -> None:
    for draw in SHAPES.values():
        drawn = draw(np.random.default_rng(5), 400_000)
        assert drawn.mean() == pytest.approx(0, abs=0.01)
        assert drawn.var() == pytest.approx(1, abs=0.1)
