"""What an executor owes: every piece done, answers in the order of the pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from invarlock.evaluate.inputs import Inputs, Measured
from invarlock.evaluate.piece import Piece

Say = Callable[[str], None]


class Executor(Protocol):
    """Launches one boundary for each piece it is given."""

    @property
    def workers(self) -> int:
        """How many pieces can be worked on at a time: an arm is cut into as many."""

    def run(
        self, inputs: Inputs, pieces: Sequence[Piece], scratch: Path, say: Say
    ) -> list[Measured]:
        """What came of each piece, in their order; files lie in new folders below ``scratch``.

        Raises the error of the first piece that failed.
        """
