"""The page ``benchmarks/COVERAGE.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.coverage import answers, sequential, single
from benchmarks.coverage.found import DEFAULT, SHIPPED, Found
from benchmarks.coverage.sequential import Looked, Plan
from benchmarks.coverage.shapes import SHAPES, Cell

_HEAD = """\
# How often an interval errs

A gate on an interval is passed falsely where the truth lies on the bound and the whole interval is
inside. At `confidence = 95%` each side may err 2.5%. Whether it does depends on how many documents
there are and on the shape of what they show, so it is simulated with the judge's own functions.
This page is written by

    COMMAND

and by nothing else. Documents are of unequal size (geometric, with the mean that is given), and
half of the variance of their windows lies between documents. Shapes are skewed towards harm: `rare
5%` is a twentieth of all units harmed by a nat on average, in the others next to nothing. Random
numbers are those of a fixed seed. `error` is the standard error of the false passes by the number
of trials; `kept` says whether they are within 2.5% and two of it.
"""
_FOLLOWS = """\
These are documents that are there, not windows. Where harm is rare and few documents are there, a
sample may have met none of it: of 128 documents of which a fiftieth is harmed, one sample in 13.
No interval can know what a sample has not met: rare harm is for the tail percentiles and for slices
to find.

Measured once, and not by this command: BCa by itself, without the additional document and Student's
tails, passes 5.8% instead of 2.5% of normal samples of 8 documents, 5.7% of lognormal ones of 80,
and 6.8% where a tenth of 80 is harmed (2 000 trials each, 1 000 resamples, one window each).
"""
_ANSWERS = """\
## Answers, right or wrong

`accuracy.delta` of items of which one is a document, with the bound where the truth is. Where no
answer flips there is no spread, and the interval is the point 0: it passes, whatever the bound, and
up to 3.7 / n may be lost all the same at 97.5%. So a bound of b asks for 3.7 / b items: 185 at 2
percentage points, 370 at one. The policies in `policies/` ask for as many, and somewhat more;
`estimate.minimum = 128` by itself is not enough.

TRIALS trials a line, RESAMPLES resamples, 95%, one look. `no flip` is the share of the trials in
which no answer flipped.
"""
_LOOKS = """\
## Looking more than once

`estimate { looks; spending }` judges a run after equal shares of its windows and stops when it is
decided. Windows come in random order, as a schedule has them; each look has the level that spending
leaves to it, and one with fewer documents than `estimate.minimum` decides nothing.

The bound lies at the truth, or above it (`+`, harmless) or below it (`-`, harmful) by one or two
times 3.24 standard errors of the mean over all windows: at one time a single look at normal data
would decide nine times in ten. `windows used` is the mean share of the planned windows that was
measured when the run stopped, `passes` how often it passed with the bound at `+1`. All lines of a
shape and size judge the same runs, so that they err together.
"""
_CORRELATED = """\
Spending goes by windows seen. Where windows of a document are correlated, an early look knows more
than its share of windows says, for it has met more than that share of the documents: its estimate
is closer to the last one than the limits suppose, which makes a run err less, never more.
"""


def render(found: Found) -> str:
    """The page."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Found) -> Iterator[str]:
    trials, looked = _trials(found.single), _trials_looked(found)
    command = f"python -m benchmarks.coverage --record --trials {trials} --looked {looked}"
    yield _HEAD.replace("COMMAND", command)
    yield "## One look"
    yield ""
    yield f"{trials} trials a line, {found.resamples} resamples, 95%."
    yield ""
    yield from _block(single.lines(found.single))
    yield ""
    yield "The fewest documents from which on every line is kept:"
    yield ""
    yield from _fewest(found)
    yield ""
    yield _FOLLOWS
    yield _shipped(found)
    yield ""
    yield from _answers(found, trials)
    yield ""
    yield _LOOKS
    for minimum, what in ((SHIPPED, "as the standard policies have it"), (DEFAULT, "the default")):
        table = {key: one for key, one in found.several.items() if key[1].minimum == minimum}
        yield (
            f"With `minimum = {minimum}`, {what}; {looked} trials a line, "
            f"{found.resamples} resamples."
        )
        yield ""
        yield from _block(sequential.lines(table))
        yield ""
        yield _kept(table)
        yield ""
    yield _CORRELATED.rstrip()


def _answers(found: Found, trials: int) -> Iterator[str]:
    yield _ANSWERS.replace("RESAMPLES", str(found.resamples)).replace("TRIALS", str(trials))
    yield from _block(answers.lines(found.answers))


def _block(lines: Iterator[str]) -> Iterator[str]:
    yield "```text"
    yield from (line.rstrip() for line in lines)
    yield "```"


def _trials(found: Mapping[Cell, single.Outcome]) -> int:
    return next(iter(found.values())).trials


def _trials_looked(found: Found) -> int:
    return next(iter(found.several.values())).by[0][0].trials


def _fewest(found: Found) -> Iterator[str]:
    widths = sorted({cell.windows for cell in found.single})
    heads = ("1 window each" if width == 1 else f"{width} windows each" for width in widths)
    yield f"| shape | {' | '.join(heads)} |"
    yield "| --- |" + " --- |" * len(widths)
    most = max(cell.documents for cell in found.single)
    for shape in SHAPES:
        fewest = [single.kept_from(found.single, shape, width) for width in widths]
        cells = (f"more than {most}" if few is None else str(few) for few in fewest)
        yield f"| {shape} | " + " | ".join(cells) + " |"


def _shipped(found: Found) -> str:
    """What the minimum of the standard policies keeps, and what it does not."""
    at = {cell: one for cell, one in found.single.items() if cell.documents == SHIPPED}
    kept = [shape for shape in SHAPES if all(o.kept for c, o in at.items() if c.shape == shape)]
    lost = [
        f"{shape} ({max(o.passed for c, o in at.items() if c.shape == shape):.1%} pass falsely)"
        for shape in SHAPES
        if shape not in kept
    ]
    return (
        f"The standard policies ask for `estimate.minimum = {SHIPPED}`.\n"
        f"Kept there: {', '.join(kept) or 'none'}.\n"
        f"Not kept there: {', '.join(lost) or 'none'}."
    )


def _kept(table: Mapping[tuple[Cell, Plan], Looked]) -> str:
    """Whether every line of a table is kept, else which are not."""
    lost = [
        f"{cell.shape}, {cell.documents} documents, {plan.spending}, {plan.looks} looks"
        for (cell, plan), one in table.items()
        if not one.by[0][0].kept
    ]
    if not lost:
        return "No line passes falsely more often than 2.5% by more than two standard errors."
    return "Not kept: " + "; ".join(lost) + "."
