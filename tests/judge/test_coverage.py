"""False passes with the truth on the bound, by simulation; `make soak` runs the full counts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.coverage import SHAPES, Cell, simulate

TRIALS, RESAMPLES = 600, 400


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


def test_shapes_have_mean_nought_and_variance_one() -> None:
    for draw in SHAPES.values():
        drawn = draw(np.random.default_rng(5), 400_000)
        assert drawn.mean() == pytest.approx(0, abs=0.01)
        assert drawn.var() == pytest.approx(1, abs=0.1)
