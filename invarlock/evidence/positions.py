"""Which tokens of a window are scored, by task: what evidence may claim of it."""

from __future__ import annotations

import numpy as np

from invarlock.errors import VerificationFault
from invarlock.evidence.layout import Layout
from invarlock.evidence.schema import Contract

_HINT = "do not deploy; ask the producer"


def check_positions(contract: Contract, layout: Layout) -> None:
    """Hold lengths, rows and positions of windows against the measurement contract.

    Of a causal language model's window of text, which has the contract's length, every token but
    the first is scored. Raises :class:`VerificationFault` E405.
    """
    length = contract.windows.length
    _refuse(layout.lengths != length, f"window {{}} has not the contract's {length} tokens")
    _refuse(layout.counts != length - 1, f"window {{}} does not score {length - 1} tokens")
    expected = np.tile(np.arange(1, length, dtype=np.uint32), len(layout))
    wrong = layout.positions != expected
    if bool(wrong.any()):
        window = int(layout.owners[int(np.argmax(wrong))])
        raise _malformed(f"`positions.u32`: window {window} scores other tokens than it must")


def _refuse(wrong: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], what: str) -> None:
    if bool(wrong.any()):
        raise _malformed(f"`windows.json`: {what.format(int(np.argmax(wrong)))}")


def _malformed(message: str) -> VerificationFault:
    return VerificationFault("E405", message, _HINT)
