"""What the demo says about its runs, and when it calls itself failed."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from demo import ROOT, clear, judged, near
from demo_cache import DemoFault
from demo_view import Consistent, Forgery, Outcome, decided, named, table, without_passes
from rich.console import Console

from invarlock.judge import contract_of, same_measurement
from invarlock.policy import load_policy
from invarlock.policy.floors import final_windows
from tests.present import reports


def outcome(name: str, evaluated: int, verified: int) -> Outcome:
    report = reports.failing() if evaluated == 1 else reports.passing()
    return Outcome(name, Path("run"), Path("model"), evaluated, verified, report)


GOOD = (outcome("careful", 0, 0), outcome("careless", 1, 1), outcome("sly", 1, 1))


def test_the_promise_is_kept() -> None:
    assert judged(GOOD, 0, 4, (0, 4)) == 0


@pytest.mark.parametrize("forged", [0, 1, 3, 5])
def test_an_accepted_forgery_fails_the_demo(forged: int) -> None:
    assert judged(GOOD, 0, forged, (0, 4)) == 1


@pytest.mark.parametrize("codes", [(0, 0), (0, 3), (1, 4), (4, 4)])
def test_so_does_one_that_does_not_add_up_or_is_accepted(codes: tuple[int, int]) -> None:
    assert judged(GOOD, 0, 4, codes) == 1


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("field", ["evaluated", "verified"])
def test_any_other_exit_code_fails_the_demo(index: int, field: str) -> None:
    changed = list(GOOD)
    changed[index] = replace(GOOD[index], **{field: 2})
    assert judged(changed, 0, 4, (0, 4)) == 1


@pytest.mark.parametrize("averaged", [1, 3])
def test_averages_that_see_the_sly_one_fail_the_demo(averaged: int) -> None:
    assert judged(GOOD, averaged, 4, (0, 4)) == 1


def test_cells_name_the_gates_that_decided() -> None:
    failing = decided(reports.failing())
    assert "perplexity.ratio" in failing
    assert "bar <= 1.1" in failing
    assert decided(reports.passing()).startswith("All ")


def test_the_table_shows_exit_codes() -> None:
    stream = io.StringIO()
    forged = Forgery(4, ("[INVARLOCK:E404] report: `verdict`",), reports.passing())
    again = Forgery(4, ("[INVARLOCK:E430] window 3",), reports.passing())
    shown = table(GOOD, forged, Consistent(0, again))
    Console(file=stream, width=200).print(shown)
    for text in ("exit 0", "exit 1", "exit 4", "claims", "E404", "again: 4", "E430"):
        assert text in stream.getvalue()


def test_only_a_demos_own_output_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine" / "runs").mkdir(parents=True)
    clear(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(DemoFault, match="other things"):
        clear(tmp_path / "other")
    assert (tmp_path / "other" / "thesis.tex").exists()


def test_paths_are_shown_as_typed() -> None:
    assert near(ROOT / "build" / "demo") == "build/demo"
    assert near(Path("/elsewhere/model")) == "/elsewhere/model"


def finding(what: str, found: str | None = '"pass"') -> dict[str, str | None]:
    return {"code": "E404", "what": what, "found": found, "expected": '"fail"'}


def test_findings_name_their_gates_and_the_verdict_first() -> None:
    lines = list(
        named(
            [
                finding("report: `gates[1].margin`"),
                finding("report: `gates[1].observed`"),
                finding("report: `verdict`"),
                finding("the schedule does not fit", None),
            ],
            ["kl.mean", "perplexity.ratio"],
        )
    )
    assert lines == [
        '[INVARLOCK:E404] report: `verdict` is "pass", must be "fail"',
        '[INVARLOCK:E404] report: `perplexity.ratio.observed` is "pass", must be "fail"',
        '[INVARLOCK:E404] report: `perplexity.ratio.margin` is "pass", must be "fail"',
        "[INVARLOCK:E404] the schedule does not fit",
    ]


def test_passing_gates_are_counted_and_others_kept() -> None:
    text = "judged reached\n  pass  require a: 1\n  fail  require b: 2\n  pass  warn c: 3\noutcome"
    assert without_passes(text).splitlines() == [
        "judged reached",
        "  (2 gates pass under your bar)",
        "  fail  require b: 2",
        "outcome",
    ]
    assert without_passes("outcome refused") == "outcome refused"


def test_a_warning_stands_in_the_table() -> None:
    assert "warned: kl.mean" in decided(reports.warned())
    assert "warned" not in decided(reports.passing())


def test_the_bar_on_averages_reads_what_the_shipped_one_measures() -> None:
    shipped = load_policy(ROOT / "policies" / "causal_lm.invar").ir.bars["balanced+dev"]
    averages = load_policy(ROOT / "scripts" / "averages.invar").ir.bars["averages"]
    assert same_measurement(contract_of(shipped), contract_of(averages))
    assert final_windows(averages) <= final_windows(shipped)
