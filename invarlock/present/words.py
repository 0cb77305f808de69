"""What the terminal and the page say alike: order of gates, short numbers, sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from invarlock.judge.records import Report, ReportedGate
from invarlock.judge.sources import INCLUDE_FOLDER
from invarlock.judge.verdict import GateOutcome, Outcome

MEANING: Final[dict[Outcome, str]] = {
    "pass": "The subject meets the bar.",
    "fail": "The subject misses the bar.",
    "inconclusive": "The evidence is too thin to tell whether the subject meets the bar.",
    "incomplete": "Something the bar asks for was not measured.",
}
SHAPE: Final[dict[GateOutcome, str]] = {
    "pass": "✓",
    "fail": "✗",
    "inconclusive": "?",
    "incomplete": "–",
    "pending": "…",
}
"""A verdict is told by word and shape, never by colour alone."""

NOT_SHOWN: Final = (
    "This page repeats a report; it proves nothing by itself. Run `invarlock verify` with a key "
    "and a bar of your own: it recomputes every value and the verdict from the evidence. "
    "The numbers describe this text and these windows only. A change that the text never touches "
    "(another language, another task, a rare token) is outside them, and so is whether either "
    "model is good, safe or unbiased: the question asked is whether the subject is worse than "
    "the baseline. The names of files, the time, the tool's version and the timings are the "
    "producer's word. A signer who forges the evidence itself, consistently, is seen only by "
    "evaluating again."
)

_GRAVITY: Final[tuple[GateOutcome, ...]] = (
    "fail",
    "incomplete",
    "inconclusive",
    "pass",
    "pending",
)
_DIGITS: Final = 4


def in_reading_order(gates: Iterable[ReportedGate]) -> tuple[ReportedGate, ...]:
    """Gates that decided come first: the gravest, required before warned, measured before set.

    Within a group the bar's own order stays.
    """
    return tuple(sorted(gates, key=_weight))


def _weight(gate: ReportedGate) -> tuple[int, int, int]:
    substance = 0 if gate.interval else 1 if gate.margin is not None else 2
    return (_GRAVITY.index(gate.verdict), int(gate.level == "warn"), substance)


def deciding(report: Report) -> tuple[ReportedGate, ...]:
    """The required gates that made the verdict what it is; all of them when it is a pass."""
    required = [gate for gate in report.gates if gate.level == "require"]
    return in_reading_order(gate for gate in required if gate.verdict == report.verdict)


def warnings(report: Report) -> tuple[ReportedGate, ...]:
    """Warned gates that did not pass; they never change a verdict."""
    warned = [gate for gate in report.gates if gate.level == "warn"]
    return in_reading_order(gate for gate in warned if gate.verdict not in {"pass", "pending"})


def notes(report: Report) -> tuple[str, ...]:
    """What no gate says and a reader should know."""
    found = []
    if report.logs is not None:
        found.append(
            f"imported from logs of kind {report.logs.kind}: nobody here saw the models run"
        )
    if report.tokenizer_files:
        names = ", ".join(report.tokenizer_files)
        found.append(f"the arms' tokenizers differ in the bytes of {names}")
    return tuple(found)


def summary(report: Report) -> str:
    """One or two sentences on what decided, such as ``2 of 14 required gates fail: …``, and on
    what only `verify` can decide."""
    waiting = ", ".join(gate.id for gate in report.gates if gate.verdict == "pending")
    left = f" Left to `verify`: {waiting}." if waiting else ""
    return _decision(report) + _looked(report) + left


def _looked(report: Report) -> str:
    """When the run stopped, where the bar plans to look more than once."""
    look = report.look
    if look.of == 1:
        return ""
    return f" Look {look.reached} of {look.of}, at {look.final} of {look.planned} final windows."


def _decision(report: Report) -> str:
    required = sum(gate.level == "require" and gate.verdict != "pending" for gate in report.gates)
    decided = deciding(report)
    if report.verdict == "pass":
        return f"All {required} required gates pass."
    if not decided:
        return "The bar requires nothing that is measured, and so nothing passes."
    verb = {"fail": "fail", "incomplete": "lack a measurement", "inconclusive": "cannot be decided"}
    names = ", ".join(gate.id for gate in decided)
    return f"{len(decided)} of {required} required gates {verb[report.verdict]}: {names}."


def source_name(gate: ReportedGate, report: Report) -> str:
    """The file in which the gate stands: the policy as the producer named it, or what it includes,
    from the policy's folder."""
    if gate.span.file.startswith(INCLUDE_FOLDER):
        return gate.span.file.removeprefix(INCLUDE_FOLDER)
    return report.names.policy.partition("#")[0]


def place(gate: ReportedGate) -> str:
    """Where the gate stands: ``line 5 of the policy``, or ``line 5 of house.invar``."""
    included = gate.span.file.startswith(INCLUDE_FOLDER)
    file = gate.span.file.removeprefix(INCLUDE_FOLDER) if included else "the policy"
    return f"line {gate.span.line} of {file}"


def short(text: str | None, places: int = _DIGITS) -> str:
    """A decimal as people read it: ``places`` digits after the point, more for small numbers.

    Words and digests come back as they are; ``None`` becomes a dash. Exact digits stay in the
    report.
    """
    if text is None:
        return "–"
    try:
        value = Decimal(text)
    except ArithmeticError:
        return text
    if not value.is_finite():
        return text
    # Small values keep two significant digits, so that 0.000012 is not shown as nothing.
    leading = -value.adjusted() if value else 0
    digits = max(places, leading + 1 if leading > 2 else places)
    if -int(value.as_tuple().exponent) <= digits:
        return text
    # Zeros stay where digits were cut off: `1.1600` says that there is more, `1.16` that there
    # is not.
    return format(value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN), "f")


def interval(ends: Sequence[str] | None) -> str:
    """``[low, high]`` in short numbers, or a dash where the value alone decides."""
    return f"[{short(ends[0])}, {short(ends[1])}]" if ends else "–"


def signed(text: str | None) -> str:
    """A margin with its sign: inside the bound is ``+``."""
    shown = short(text)
    return shown if text is None or shown.startswith("-") else f"+{shown}"


def size(count: int) -> str:
    """Bytes in the largest decimal unit that leaves a number of at least one."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
