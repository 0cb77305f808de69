"""Which tokens of a window are scored, by task: what evidence may claim of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from invarlock.errors import VerificationFault
from invarlock.evidence.layout import Layout, UInt32s
from invarlock.evidence.masks import mask_positions
from invarlock.evidence.schema import Header, Task, Window

_Flags = np.ndarray[Any, np.dtype[np.bool_]]
_HINT: Final = "do not deploy; ask the producer"


def check_positions(header: Header, windows: Sequence[Window], layout: Layout) -> None:
    """Hold lengths, rows and positions of windows against task, contract and schedule.

    *Text*: windows have the contract's length, and score every token but the first. *Chat*: at most
    that length, any tokens but the first, in order. *Masks*: the contract's length; the positions
    are those that seed and window give (:mod:`invarlock.evidence.masks`). *Sequence to sequence*: a
    source and after it a target, each at most that length, and every token of the target is scored.
    *Multiple choice*: a context and after it each choice; a row's position is where its choice
    begins, and context and longest choice have at most that length. *Classification*: at most that
    length; rows are labels, as many in every window. *Imported*, of whatever task: at most that
    length, every token but the first scored; or no tokens, and all positions 0. Raises
    :class:`VerificationFault` E405, or E407 where masks are not those of the schedule.
    """
    if not windows:
        return
    imported = header.origin == "imported"
    if not imported:
        _refuse(layout.lengths < 1, "window {} has no tokens")
    answers = np.array([-1 if w.answer is None else w.answer for w in windows], dtype=np.int64)
    if is_choice(header.contract.task):
        _refuse((answers < 0) | (answers >= layout.counts), "window {} has no such answer")
        _refuse(layout.counts < 2, "window {} has fewer than two choices")
    else:
        _refuse(answers >= 0, "window {} has an answer and no choices")
    sized = header.contract.task == "multiple_choice"
    _refuse(
        np.array(
            [
                (None if w.sizes is None else len(w.sizes)) != (w.rows if sized else None)
                for w in windows
            ]
        ),
        "window {} does not size its choices",
    )
    if imported:
        _logged(header, layout)
    elif header.contract.task == "causal_lm" and header.contract.windows.content == "chat":
        _chat(header, layout)
    else:
        _CHECKS[header.contract.task](header, layout)
    if header.contract.task == "masked_lm" and not imported:
        _masks(header, windows, layout)


def is_choice(task: Task) -> bool:
    """Whether the rows of the task are choices or labels, not tokens."""
    return task in {"multiple_choice", "classification"}


def repeatable(task: Task, layout: Layout) -> tuple[np.ndarray[Any, Any], ...]:
    """The tokens by which windows of ``task`` repeat one another, the window of each and the place
    of each in it; no tokens where items may well share a text, as questions on it do.

    Of masked windows that is every token, since those that are scored stand apart.
    """
    if is_choice(task):
        nothing = np.empty(0, dtype=np.intp)
        return np.empty(0, dtype=np.uint32), nothing, nothing
    if task == "masked_lm":
        owners = np.repeat(np.arange(len(layout), dtype=np.intp), layout.lengths)
        return layout.tokens, owners, np.arange(len(layout.tokens)) - layout.starts[owners]
    return layout.truth, layout.owners, layout.positions.astype(np.intp)


def window_words(
    task: Task, content: str, positions: Sequence[int] | UInt32s, answer: int | None
) -> list[int]:
    """What a window's id covers beside its tokens: nothing where task and length say all else,
    otherwise the positions of its rows, and the answer."""
    if task == "masked_lm" or (task == "causal_lm" and content == "text"):
        return []
    return [*positions, *([] if answer is None else [answer])]


def _text(header: Header, layout: Layout) -> None:
    length = header.contract.windows.length
    _refuse(layout.lengths != length, f"window {{}} has not the contract's {length} tokens")
    _refuse(layout.counts != length - 1, f"window {{}} does not score {length - 1} tokens")
    _misplaced(layout, layout.positions != _within(layout) + 1)


def _masked(header: Header, layout: Layout) -> None:
    length, masked = header.contract.windows.length, header.contract.windows.masked
    _refuse(layout.lengths != length, f"window {{}} has not the contract's {length} tokens")
    _refuse(layout.counts != masked, f"window {{}} does not score {masked} tokens")


def _masks(header: Header, windows: Sequence[Window], layout: Layout) -> None:
    length, masked = header.contract.windows.length, header.contract.windows.masked or 0
    ends = layout.offsets
    for index, window in enumerate(windows):
        expected = mask_positions(header.schedule.seed, window.id, length, masked)
        if not np.array_equal(layout.positions[ends[index] : ends[index + 1]], expected):
            raise VerificationFault(
                "E407", f"window {index} has other masks than the seed gives it", _HINT
            )


def _chat(header: Header, layout: Layout) -> None:
    length = header.contract.windows.length
    _refuse(layout.lengths > length, f"window {{}} has more than the contract's {length} tokens")
    _ascending(layout)


def _pairs(header: Header, layout: Layout) -> None:
    length = header.contract.windows.length
    source = layout.lengths - layout.counts
    _refuse(source < 1, "window {} has no source")
    _refuse(
        (source > length) | (layout.counts > length),
        f"window {{}} has more than the contract's {length} tokens on one side",
    )
    _misplaced(layout, layout.positions != _within(layout) + source[layout.owners])


def _items(header: Header, layout: Layout) -> None:
    length = header.contract.windows.length
    _ascending(layout)
    begins = layout.positions.astype(np.int64)
    ends = np.append(begins[1:], 0)
    ends[layout.offsets[1:] - 1] = layout.lengths
    longest = np.maximum.reduceat(ends - begins, layout.offsets[:-1])
    _refuse(
        begins[layout.offsets[:-1]] + longest > length,
        f"window {{}} has more than the contract's {length} tokens with one choice",
    )


def _labels(header: Header, layout: Layout) -> None:
    length = header.contract.windows.length
    _refuse(layout.lengths > length, f"window {{}} has more than the contract's {length} tokens")
    _refuse(layout.counts != layout.counts[0], "window {} has not as many labels as the first")
    _misplaced(layout, layout.positions != _within(layout))


def _logged(header: Header, layout: Layout) -> None:
    length = header.contract.windows.length
    _refuse(layout.lengths > length, f"window {{}} has more than the contract's {length} tokens")
    bare = layout.lengths == 0
    _refuse(~bare & is_choice(header.contract.task), "window {} has tokens beside its choices")
    _refuse(~bare & (layout.counts != layout.lengths - 1), "window {} does not score its tokens")
    places = np.where(bare[layout.owners], 0, _within(layout) + 1)
    _misplaced(layout, layout.positions != places)


_CHECKS: Final[Mapping[Task, Callable[[Header, Layout], None]]] = {
    "causal_lm": _text,
    "masked_lm": _masked,
    "seq2seq_lm": _pairs,
    "multiple_choice": _items,
    "classification": _labels,
}


def _within(layout: Layout) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The place of each row among those of its window."""
    return np.arange(layout.rows) - layout.offsets[layout.owners]


def _ascending(layout: Layout) -> None:
    """Every row but a window's first scores a later token than the one before; none the first."""
    positions = layout.positions.astype(np.int64)
    before = np.append(0, positions[:-1])
    before[layout.offsets[:-1]] = 0
    _misplaced(layout, (positions <= before) | (positions >= layout.lengths[layout.owners]))


def _misplaced(layout: Layout, wrong: _Flags) -> None:
    if bool(wrong.any()):
        window = int(layout.owners[int(np.argmax(wrong))])
        raise _malformed(f"`positions.u32`: window {window} scores other tokens than it must")


def _refuse(wrong: _Flags, what: str) -> None:
    if bool(wrong.any()):
        raise _malformed(f"`windows.json`: {what.format(int(np.argmax(wrong)))}")


def _malformed(message: str) -> VerificationFault:
    return VerificationFault("E405", message, _HINT)
