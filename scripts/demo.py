"""The whole path on a real model: policy, evaluation, attestation, verification, and a forgery.

Everything below goes through the command line that users type; every cell of the table is an
exit code or is read from a run's own files. Results lie in build/demo/, downloads and models in
.cache/invarlock-demo/, which a second run reuses.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo_cache import CACHE, DemoFault
from fetch_model import fetch_model
from fetch_prose import fetch_prose
from forge import REPORT, forge
from make_subjects import make_subjects
from rich.console import Console
from rich.table import Table
from rich.text import Text

from invarlock.judge.records import Report, ReportedGate
from invarlock.present import words
from invarlock.present.html import render_html

ROOT: Final = Path(__file__).resolve().parent.parent
POLICY: Final = Path("policies/causal_lm.invar")
BAR: Final = "balanced+dev"
BUNDLE: Final = "attestation.sigstore.json"
EXPECTED: Final = {"careful": 0, "careless": 1}
FORGED: Final = 4
VERDICTS: Final = frozenset({0, 1, 3})
EDITS: Final = {
    "careful": "int8, to nearest, per channel",
    "careless": "30% of weights pruned",
    "sly": "careful, and one embedding row overwritten",
}
OUT: Final = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One subject's way: exit codes as the commands gave them, and the report they left."""

    name: str
    run: Path
    model: Path
    evaluated: int
    verified: int
    report: Report


class Unexpected(Exception):
    """A command ended otherwise than the demo can go on from; holds the exit code to pass on."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def near(path: Path) -> str:
    """A path as one types it in the repository's folder."""
    absolute = path if path.is_absolute() else ROOT / path
    return str(absolute.relative_to(ROOT)) if absolute.is_relative_to(ROOT) else str(absolute)


def invarlock(*arguments: str, show: bool = True) -> tuple[int, str]:
    """Run one command of the public command line.

    Returns:
        Its exit code and standard output; standard error goes through, progress and all.
    """
    OUT.print(Text("$ invarlock " + " ".join(arguments), "bold cyan"))
    beside = Path(sys.executable).with_name("invarlock")
    command = [str(beside)] if beside.is_file() else [sys.executable, "-m", "invarlock"]
    ran = subprocess.run(
        [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if show:
        OUT.print(Text(ran.stdout.rstrip()))
    return ran.returncode, ran.stdout


def must(code: int, allowed: Sequence[int] | frozenset[int], what: str) -> None:
    """Go on only with an exit code that the demo knows how to read.

    Raises:
        Unexpected: for any other.
    """
    if code not in allowed:
        raise Unexpected(f"{what} ended with exit code {code}", code)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print a heading, and afterwards how long the step took."""
    OUT.rule(Text(title, "bold"), align="left")
    began = time.monotonic()
    yield
    OUT.print(Text(f"({title.lower()}: {time.monotonic() - began:.1f} s)\n", "dim"))


def evaluate(name: str, model: Path, baseline: Path, data: Path, place: Place) -> Outcome:
    """Evaluate, attest and verify one subject, as producer and then as consumer."""
    run = place.runs / name
    evaluated, _ = invarlock(
        "evaluate", "--policy", f"{POLICY}#{BAR}", "--baseline", near(baseline),
        "--subject", near(model), "--data", near(data), "--cache", near(place.kept),
        "--out", near(run),
    )  # fmt: skip
    must(evaluated, VERDICTS, f"evaluating `{name}`")
    code, _ = invarlock("attest", near(run), "--key", near(place.key))
    must(code, [0], f"attesting `{name}`")
    verified, _ = verify(run, model, place)
    report = Report.model_validate_json((run / REPORT).read_bytes())
    return Outcome(name, run, model, evaluated, verified, report)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the producer and the consumer keep their things."""

    runs: Path
    key: Path
    kept: Path
    policy: Path

    @property
    def public(self) -> Path:
        """The public half of the key: what the consumer was given."""
        return self.key.with_name(self.key.name + ".pub")


def verify(run: Path, model: Path, place: Place) -> tuple[int, str]:
    """What the consumer types: a key, a bar of his own, the model he is about to deploy."""
    return invarlock(
        "verify", near(run / BUNDLE), "--policy", f"{near(place.policy)}#{BAR}",
        "--key", near(place.public), "--subject", near(model), "--level", "judged",
    )  # fmt: skip


def forgery(failed: Outcome, place: Place) -> tuple[int, str, list[str]]:
    """Copy a failed run, forge it, sign it with the same trusted key, and verify it.

    Returns:
        The exit code of `verify`, its output, and what the forger edited.
    """
    run = place.runs / "forged"
    shutil.copytree(failed.run, run)
    (run / BUNDLE).unlink()
    before = {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file()
    }
    after, edits = forge(before)
    for name, data in after.items():
        if data != before[name]:
            (run / name).write_bytes(data)
    page = render_html(Report.model_validate_json(after[REPORT]))
    (run / "report.html").write_text(page, encoding="utf-8")
    for edit in edits:
        OUT.print(Text(f"  forged: {edit}"))
    code, _ = invarlock("attest", near(run), "--key", near(place.key))
    must(code, [0], "attesting the forgery")
    code, text = verify(run, failed.model, place)
    return code, text, edits


def told(gate: ReportedGate) -> str:
    """One gate in a cell."""
    ends = f" {words.interval(gate.interval)}" if gate.interval else ""
    return f"{gate.id} {words.short(gate.observed)}{ends}, bar {gate.bound}"


def decided(report: Report) -> str:
    """The gates that decided; of a pass, those whose interval had to lie inside."""
    gates = words.deciding(report)
    if report.verdict != "pass":
        return "\n".join(told(gate) for gate in gates)
    estimated = [gate for gate in gates if gate.interval]
    return "\n".join([words.summary(report), *(told(gate) for gate in estimated)])


def table(outcomes: Sequence[Outcome], forged: tuple[int, str], claim: Report) -> Table:
    """The demo's table; nothing in it is written here but the headings."""
    shown = Table(title="Did the edit make the model worse?", title_style="bold", show_lines=True)
    for heading in ("subject", "edit", "evaluate", "verify", "verdict", "gates that decided"):
        shown.add_column(heading)
    colour = {"pass": "green", "fail": "red"}
    for one in outcomes:
        shown.add_row(
            one.name,
            EDITS[one.name],
            f"exit {one.evaluated}",
            f"exit {one.verified}",
            Text(one.report.verdict, colour.get(one.report.verdict, "yellow")),
            Text(decided(one.report)),
        )
    code, text = forged
    refusals = [line for line in text.splitlines() if "[INVARLOCK:" in line]
    cell = "\n".join([f"{len(refusals)} refusals shown, the first:", *refusals[:1]])
    claimed = f"claims {claim.verdict}"
    shown.add_row("forged", "the careless run, edited", "–", f"exit {code}", claimed, Text(cell))
    return shown


def prepare(cache: Path) -> tuple[Path, Path, dict[str, Path]]:
    """Steps 1 and 2: baseline, text and subjects, each made only where it is missing."""
    with step("Baseline and text"):
        baseline, fresh = fetch_model(cache)
        OUT.print(Text(f"baseline  {near(baseline)} ({'made' if fresh else 'reused'})"))
        data, fresh = fetch_prose(cache)
        OUT.print(Text(f"text      {near(data)} ({'made' if fresh else 'reused'})"))
    with step("Three subjects"):
        made = make_subjects(baseline, cache)
        for name, (folder, fresh) in made.items():
            state = "made" if fresh else "reused"
            OUT.print(Text(f"{name:<9} {EDITS[name]}: {near(folder)} ({state})"))
    return baseline, data, {name: folder for name, (folder, _) in made.items()}


def check_policy(place: Place) -> None:
    """Step 3: the bar, and the consumer's own copy of it.

    Raises:
        Unexpected: the policy does not compile.
    """
    with step("Policy"):
        must(invarlock("policy", "check", str(POLICY))[0], [0], "checking the policy")
        must(invarlock("policy", "digest", f"{POLICY}#{BAR}")[0], [0], "digesting the bar")
        place.policy.parent.mkdir(parents=True)
        shutil.copyfile(ROOT / POLICY, place.policy)
        OUT.print(Text(f"the consumer's own copy: {near(place.policy)}"))


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
    """Run everything; 0 when careful passed, careless failed and the forgery was refused."""
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
    failed = next(one for one in outcomes if one.name == "careless")
    with step("Forgery, signed with the same trusted key"):
        code, text, _ = forgery(failed, place)
        claim = Report.model_validate_json((place.runs / "forged" / REPORT).read_bytes())
    OUT.print(table(outcomes, (code, text), claim))
    closing(outcomes, time.monotonic() - began)
    return judged(outcomes, code)


def closing(outcomes: Sequence[Outcome], seconds: float) -> None:
    """What the demo cannot show, and where to look next."""
    OUT.print(
        "\nWhat level `judged` cannot see: had the forger made up evidence that adds up, every\n"
        "token's number and every digest, the same key would have signed it and verify would\n"
        "believe it. Only evaluating again yourself finds that.\n"
    )
    for one in outcomes:
        OUT.print(Text(f"report of {one.name:<9} {one.run / 'report.html'}"))
    failed = next(one for one in outcomes if one.name == "careless")
    OUT.print(Text(f"\n{seconds:.0f} s in all. Open {failed.run / 'report.html'}", "bold"))


def judged(outcomes: Sequence[Outcome], forged: int) -> int:
    """0 when every exit code is what the demo promises, else 1 with a line for each that is not."""
    wrong = [
        f"{one.name}: expected exit {EXPECTED[one.name]}, got {one.evaluated} and {one.verified}"
        for one in outcomes
        if one.name in EXPECTED and {one.evaluated, one.verified} != {EXPECTED[one.name]}
    ]
    wrong += [
        f"{one.name}: evaluate gave exit {one.evaluated}, verify {one.verified}"
        for one in outcomes
        if one.name not in EXPECTED and one.evaluated != one.verified
    ]
    if forged != FORGED:
        wrong.append(f"forgery: expected exit {FORGED}, got {forged}")
    for line in wrong:
        OUT.print(Text(f"unexpected: {line}", "bold red"))
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
        OUT.print(Text(f"demo: {fault}", "bold red"))
        return 6
    except Unexpected as fault:
        OUT.print(Text(f"demo: {fault}", "bold red"))
        return fault.code or 1
    except KeyboardInterrupt:
        OUT.print(Text("demo: interrupted", "bold red"))
        return 130


if __name__ == "__main__":
    sys.exit(main())
