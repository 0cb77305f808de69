"""One boundary after the other, launched by this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from invarlock.evaluate.executors.protocol import Say
from invarlock.evaluate.inputs import Inputs, Measured
from invarlock.evaluate.piece import Piece, run_piece


class Local:
    """The executor of a single machine, whose cores all serve one boundary at a time."""

    workers: Final = 1

    def run(
        self, inputs: Inputs, pieces: Sequence[Piece], scratch: Path, say: Say
    ) -> list[Measured]:
        """Run the pieces in turn. Raises like :func:`run_piece`."""
        return [
            run_piece(inputs, piece, scratch / f"{piece.arm}-{piece.purpose}-{at}", say)
            for at, piece in enumerate(pieces)
        ]
