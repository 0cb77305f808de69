"""The whole path on a real model: policy, evaluation, attestation, verification, two forgeries.

Everything below goes through the command line that users type; every cell of the table is an
exit code or is read from a run's own files. Results lie in build/demo/, downloads and models in
.cache/invarlock-demo/, which a second run reuses.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from demo_cache import CACHE, DemoFault
from demo_commands import (
    BAR,
    BUNDLE,
    POLICY,
    ROOT,
    Place,
    Unexpected,
    attest,
    invarlock,
    must,
    near,
    verify,
)
from demo_view import (
    EDITS,
    NAMED,
    OUT,
    Consistent,
    Forgery,
    Outcome,
    closing,
    named,
    say,
    show,
    step,
    table,
    without_passes,
)
from fetch_model import fetch_model
from fetch_prose import fetch_prose
from forge import REPORT, forge, forge_consistently
from make_subjects import make_subjects

from invarlock.judge.records import Report
from invarlock.present.html import render_html

AVERAGES: Final = Path("scripts/averages.invar")
EXPECTED: Final = {"careful": 0, "careless": 1, "sly": 1}
FORGED: Final = 4
CHALLENGE: Final = "4"
"""Windows evaluated again, beside the first eight."""
VERDICTS: Final = frozenset({0, 1, 3})


def evaluate(name: str, model: Path, baseline: Path, data: Path, place: Place) -> Outcome:
    """Evaluate, attest and verify one subject, as producer and then as consumer."""
    run = place.runs / name
    evaluated, text = invarlock(
        "evaluate", "--policy", f"{POLICY}#{BAR}", "--baseline", near(baseline),
        "--subject", near(model), "--data", near(data), "--cache", near(place.kept),
        "--out", near(run),
    )  # fmt: skip
    must(evaluated, VERDICTS, f"evaluating `{name}`")
    show(text)
    attest(run, place)
    verified, text = verify(run, model, place)
    show(without_passes(text))
    report = Report.model_validate_json((run / REPORT).read_bytes())
    return Outcome(name, run, model, evaluated, verified, report)


def averages(sly: Outcome, place: Place) -> int:
    """The sly one's evidence once more, under a bar that looks at averages alone.

    Returns:
        The exit code of `verify`.

    Raises:
        Unexpected: it gave no verdict.
    """
    with step("The sly one under a bar on averages alone; nothing is evaluated again"):
        bar = place.policy.with_name(AVERAGES.name)
        shutil.copyfile(ROOT / AVERAGES, bar)
        code, text = verify(sly.run, sly.model, replace(place, policy=bar), bar="averages")
        must(code, VERDICTS, "verifying under a bar on averages")
        show(without_passes(text))
        say(f"exit code {code}")
    return code


def forgery(failed: Outcome, place: Place) -> Forgery:
    """Copy a failed run, forge it, sign it with the same trusted key, and verify it."""
    run, claim = forged(failed, place, "forged", forge)
    code, text = verify(run, failed.model, place, "--format", "json")
    return Forgery(code, found(code, text, claim), claim)


def consistent_forgery(failed: Outcome, baseline: Path, data: Path, place: Place) -> Consistent:
    """Forge the failed run so that all of it adds up; verify it to `judged`, and to `reproduced`.

    Raises:
        Unexpected: it does not add up.
    """
    run, claim = forged(failed, place, "forged-throughout", forge_consistently)
    judged, text = verify(run, failed.model, place)
    must(judged, VERDICTS, "judging the run that was forged throughout")
    show(without_passes(text))
    say(f"exit code {judged}: all of it follows from the evidence\n")
    code, text = verify(
        run, failed.model, place, "--baseline", near(baseline), "--data", near(data),
        "--challenge", CHALLENGE, "--format", "json", level="reproduced",
    )  # fmt: skip
    return Consistent(judged, Forgery(code, found(code, text, claim), claim))


Forger = Callable[[Mapping[str, bytes]], tuple[dict[str, bytes], list[str]]]


def forged(failed: Outcome, place: Place, name: str, forger: Forger) -> tuple[Path, Report]:
    """A copy of a failed run after ``forger``, signed; its folder, and the report it claims."""
    run = place.runs / name
    shutil.copytree(failed.run, run)
    (run / BUNDLE).unlink()
    before = {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file()
    }
    after, edits = forger(before)
    for file, data in after.items():
        if data != before[file]:
            (run / file).write_bytes(data)
    claim = Report.model_validate_json(after[REPORT])
    (run / "report.html").write_text(render_html(claim), encoding="utf-8")
    for edit in edits:
        say(f"forged: {edit}")
    attest(run, place)
    return run, claim


def found(code: int, text: str, claim: Report) -> tuple[str, ...]:
    """Show what `verify` found, which it told as JSON.

    Returns:
        Its findings in one line each.
    """
    result: dict[str, Any] = json.loads(text)
    for level, status in result.get("levels", {}).items():
        say(f"{level:<11} {status}")
    lines = tuple(named(result.get("findings", ()), [gate.id for gate in claim.gates]))
    for line in lines[:NAMED]:
        say(f"  {line}", "red")
    say(f"  {len(lines)} such findings, {max(0, len(lines) - NAMED)} not shown; exit code {code}")
    say(f"limits      {result.get('limits', 'none stated')}")
    return lines


def prepare(cache: Path) -> tuple[Path, Path, dict[str, Path]]:
    """Steps 1 and 2: baseline, text and subjects, each made only where it is missing."""
    with step("Baseline and text"):
        baseline, fresh = fetch_model(cache)
        say(f"baseline  {near(baseline)} ({'made' if fresh else 'reused'})")
        data, fresh = fetch_prose(cache)
        say(f"text      {near(data)} ({'made' if fresh else 'reused'})")
    with step("Three subjects"):
        made = make_subjects(baseline, cache)
        for name, (folder, fresh) in made.items():
            state = "made" if fresh else "reused"
            say(f"{name:<9} {EDITS[name]}: {near(folder)} ({state})")
    return baseline, data, {name: folder for name, (folder, _) in made.items()}


def check_policy(place: Place) -> None:
    """Step 3: the bar, and the consumer's own copy of it.

    Raises:
        Unexpected: the policy does not compile.
    """
    with step("Policy"):
        for command, argument in (("check", str(POLICY)), ("digest", f"{POLICY}#{BAR}")):
            code, text = invarlock("policy", command, argument)
            must(code, [0], f"`policy {command}`")
            show(text)
        place.policy.parent.mkdir(parents=True)
        shutil.copyfile(ROOT / POLICY, place.policy)
        say(f"the consumer's own copy: {near(place.policy)}")


def clear(output: Path) -> None:
    """Remove what an earlier demo left.

    Raises:
        DemoFault: the folder holds something that no demo wrote.
    """
    if output.is_dir() and not {path.name for path in output.iterdir()} <= {"consumer", "runs"}:
        raise DemoFault(f"`{output}` holds other things than a demo's output; pass another --out")
    if output.exists():
        shutil.rmtree(output)


def demo(cache: Path, output: Path) -> int:
    """Run everything; 0 when careful passed, careless and sly failed, a bar on averages let the
    sly one through, and both forgeries were refused."""
    began = time.monotonic()
    clear(output)
    place = Place(
        runs=output / "runs",
        key=cache / "keys" / "producer",
        kept=cache / "baseline-results",
        policy=output / "consumer" / POLICY.name,
    )
    baseline, data, subjects = prepare(cache)
    check_policy(place)
    outcomes = []
    for name, model in subjects.items():
        with step(f"Subject {name}"):
            outcomes.append(evaluate(name, model, baseline, data, place))
    sly = averages(next(one for one in outcomes if one.name == "sly"), place)
    failed = next(one for one in outcomes if one.name == "careless")
    with step("Forgery, signed with the same trusted key"):
        hasty = forgery(failed, place)
    with step("Forgery that adds up, signed with the same key; a few windows evaluated again"):
        throughout = consistent_forgery(failed, baseline, data, place)
    OUT.print(table(outcomes, hasty, throughout))
    closing(outcomes, time.monotonic() - began)
    return judged(outcomes, sly, hasty.verified, (throughout.judged, throughout.again.verified))


def judged(
    outcomes: Sequence[Outcome], averaged: int, forged: int, throughout: tuple[int, int]
) -> int:
    """0 when every exit code is what the demo promises, else 1 with a line for each that is not.

    ``averaged`` is that of the sly one under a bar on averages, ``forged`` that of the forgery,
    ``throughout`` those of the one that adds up, to `judged` and to `reproduced`.
    """
    wrong = [
        f"{one.name}: expected exit {EXPECTED[one.name]}, got {one.evaluated} and {one.verified}"
        for one in outcomes
        if one.name in EXPECTED and {one.evaluated, one.verified} != {EXPECTED[one.name]}
    ]
    if averaged != 0:
        wrong.append(f"sly, under a bar on averages: expected exit 0, got {averaged}")
    if forged != FORGED:
        wrong.append(f"forgery: expected exit {FORGED}, got {forged}")
    if throughout != (0, FORGED):
        told = "{} and {}".format(*throughout)
        wrong.append(f"forgery that adds up: expected exit 0 and {FORGED}, got {told}")
    for line in wrong:
        say(f"unexpected: {line}", "bold red")
    return 1 if wrong else 0


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="default: %(default)s")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "demo", help="replaced; default: %(default)s"
    )
    arguments = parser.parse_args()
    try:
        return demo(arguments.cache.resolve(), arguments.out.resolve())
    except DemoFault as fault:
        say(f"demo: {fault}", "bold red")
        return 6
    except Unexpected as fault:
        say(f"demo: {fault}", "bold red")
        return fault.code or 1
    except KeyboardInterrupt:
        say("demo: interrupted", "bold red")
        return 130


if __name__ == "__main__":
    sys.exit(main())
