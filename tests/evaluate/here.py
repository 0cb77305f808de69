"""Pieces of arms run in this process: the same work as in boundaries, without their seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from invarlock.canonical import canonical_bytes
from invarlock.evaluate.inputs import LEFT_BY, Inputs, Measured
from invarlock.evaluate.piece import Piece
from invarlock.measure.arm import run_arm
from invarlock.measure.job import ArmJob
from invarlock.security.manifest import RuntimeManifest
from tests.measure.arms import lay_out
from tests.verify.runs import manifest

_OBSERVED: Final = RuntimeManifest.model_validate_json(canonical_bytes(manifest())).arms["subject"][
    0
]
"""Of a boundary that is not there: what a closed sandbox gives."""


class Here:
    """An executor that launches nothing, of so many workers, one after the other."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.done: list[Piece] = []

    def run(
        self, inputs: Inputs, pieces: Sequence[Piece], scratch: Path, say: Callable[[str], None]
    ) -> list[Measured]:
        self.done += pieces
        return [self._one(inputs, piece, scratch / f"{at}") for at, piece in enumerate(pieces)]

    def _one(self, inputs: Inputs, piece: Piece, folder: Path) -> Measured:
        request = inputs.request
        links = {
            "model": request.baseline if piece.arm == "baseline" else request.subject,
            "baseline": request.baseline,
            "data.jsonl": request.data,
        }
        place = lay_out(folder, links)
        for name, given in piece.given.items():
            data = given if isinstance(given, bytes) else given.read_bytes()
            (place.inputs / name).write_bytes(data)
        job = ArmJob(
            arm=piece.arm,
            contract=inputs.contract,
            schedule=inputs.schedule,
            threads=1,
            drawn="windows.json" in piece.given,
            span=piece.span,
            tensors=piece.tensors,
        )
        answer = run_arm(job, place)
        files = {name: place.out / name for name in LEFT_BY[piece.arm]}
        return Measured((piece.span,), answer, (_OBSERVED,), files)
