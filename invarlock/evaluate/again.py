"""Measuring again what evidence claims: for a verifier, from his own copies, inside the boundary.

Nothing of what is claimed is an input but the contract and the schedule, which follow from the bar
and the data. Weights are read by both arms; windows are drawn from the data by the tokenizer of the
baseline; of these, those that the verifier chose are scored by both arms, in batches of their own.

    with measuring_again(what, stack) as again:
        again.tensors()
        again.windows()
        again.scored([0, 1, 2, 17])
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import TypeAdapter, ValidationError

from invarlock.artifacts.folder import seal_bytes, seal_file
from invarlock.errors import EnvironmentFault, SafetyRefusal
from invarlock.evaluate.assemble import assemble, observed
from invarlock.evaluate.combine import required, unusable, windows_of
from invarlock.evaluate.executors.local import Local
from invarlock.evaluate.inputs import MAX_DATA_BYTES, Inputs, Measured, open_models
from invarlock.evaluate.piece import Given, Piece
from invarlock.evaluate.plan import check_budget, make_plan
from invarlock.evaluate.request import Request
from invarlock.evidence.layout import Layout, layout_of
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import (
    ARMS,
    Arm,
    Contract,
    Digest,
    Header,
    RuntimeFacts,
    Schedule,
    Tensor,
    TokenizerFacts,
    Window,
)
from invarlock.evidence.store import encode_u32, encode_windows, read_evidence
from invarlock.measure.job import EVERY, LAYERS_FILE, DataCounts, ModelSize, Span
from invarlock.security.manifest import runtime_facts
from invarlock.security.select import choose_mode

Say = Callable[[str], None]

_TENSORS: Final = TypeAdapter(tuple[Tensor, ...])
_NOTHING: Final = Span(start=0, stop=0)
_NEEDED: Final = ("torch", "transformers", "tokenizers", "safetensors")


@dataclass(frozen=True, slots=True)
class Drawn:
    """All windows of the schedule as the consumer's own data and tokenizer give them.

    ``windows`` have no ``subject_id``. ``left`` is what the arm left, with its files.
    """

    windows: tuple[Window, ...]
    layout: Layout
    counts: DataCounts
    tokenizer: TokenizerFacts
    left: Measured


@dataclass(slots=True)
class Again:
    """One set of artifacts, opened, hashed and found to be those that were evaluated."""

    inputs: Inputs
    scratch: Path
    say: Say
    size: ModelSize | None = None
    _folders: int = field(default=0)

    def tensors(self) -> Mapping[Arm, tuple[Tensor, ...]]:
        """The records of both arms' stored tensors.

        Raises what a boundary reported, :class:`SafetyRefusal` E303 for an answer that cannot be
        used.
        """
        found: dict[Arm, tuple[Tensor, ...]] = {}
        for arm in ARMS:
            left = self._run(Piece(arm, _NOTHING, EVERY, purpose="weights"))
            name = f"{arm}.tensors.json"
            try:
                found[arm] = _TENSORS.validate_json(left.read(name))
            except ValidationError as err:
                raise unusable(name) from err
            self.size = left.answer.size
        return found

    def windows(self) -> Drawn:
        """The schedule's windows, drawn again. Raises like :meth:`tensors`, and
        :class:`Inconclusive` E002 where the data do not offer so many."""
        left = self._run(Piece("baseline", _NOTHING, None))
        windows = windows_of(left)
        tokens, positions = (
            np.frombuffer(left.read(name), "<u4") for name in ("windows.u32", "positions.u32")
        )
        if tokens.size != sum(window.length for window in windows):
            raise unusable("windows.u32")
        if positions.size != sum(window.rows for window in windows):
            raise unusable("positions.u32")
        return Drawn(
            windows=windows,
            layout=layout_of(windows, tokens, positions),
            counts=required(left.answer.data, "data"),
            tokenizer=required(left.answer.tokenizer, "tokenizer"),
            left=left,
        )

    def scored(self, drawn: Drawn, chosen: Sequence[int]) -> Evidence:
        """Evidence, without tensors, of the windows at the places ``chosen``, in ascending order.

        Where the first windows of the schedule are among them, as many as the guards on activations
        watch, these guards saw the same. Raises like :meth:`tensors`, :class:`EnvironmentFault`
        E609 above the memory budget, and :class:`VerificationFault` for evidence that no verifier
        would take.
        """
        inputs = self._only(drawn, chosen)
        span = Span(start=0, stop=len(chosen))
        given = _given(drawn, chosen)
        first = self._run(Piece("baseline", span, None, given), inputs)
        names = (LAYERS_FILE, "baseline.i64", "hidden.f32")
        more: dict[str, Given] = {name: first.files[name] for name in names}
        second = self._run(Piece("subject", span, None, {**given, **more}), inputs)
        told = first.answer.model_copy(update={"data": drawn.counts})
        arms = replace(first, answer=told), second
        facts = RuntimeFacts.model_validate(runtime_facts(observed(inputs, *arms)))
        return read_evidence(assemble(inputs, *arms), facts)

    def _only(self, drawn: Drawn, chosen: Sequence[int]) -> Inputs:
        """Inputs whose schedule has the windows ``chosen`` and no others, seen at one look."""
        contract, schedule = self.inputs.contract, self.inputs.schedule
        final = sum(drawn.windows[at].phase == "final" for at in chosen)
        whole = contract.estimate.model_copy(update={"looks": 1, "spending": "none"})
        counts = {"final": final, "preview": len(chosen) - final, "look": 1}
        inputs = replace(
            self.inputs,
            contract=contract.model_copy(update={"estimate": whole}),
            schedule=schedule.model_copy(update=counts),
        )
        if self.size is not None:
            plan = make_plan(inputs, self.size, workers=1, kept=False)
            check_budget(plan, inputs.request.budget)
        return inputs

    def _run(self, piece: Piece, inputs: Inputs | None = None) -> Measured:
        self._folders += 1
        folder = self.scratch / str(self._folders)
        folder.mkdir(mode=0o700)
        return Local().run(inputs or self.inputs, [piece], folder, self.say)[0]


@contextmanager
def measuring_again(
    request: Request, header: Header, data: Path | None, say: Say
) -> Iterator[Again]:
    """Open what ``request`` names, of which ``data`` may be left out where no window is drawn.

    ``header`` is that of the evidence: its contract, its schedule, and the digests that everything
    must have. Raises :class:`SafetyRefusal` E301 without a boundary and E209 where a digest is
    another, :class:`EnvironmentFault` E605 without the libraries that measure; and like
    :func:`open_folder` and :func:`seal_file`.
    """
    mode = choose_mode(request.requested_mode)
    if mode == "sandbox" and request.device != "cpu":
        hint = "pass --device cpu, or --execution-mode host"
        raise EnvironmentFault("E608", f"the sandbox does not show `{request.device}`", hint)
    _check_installed()
    with ExitStack() as stack:
        sealed = seal_bytes(b"") if data is None else seal_file(data, MAX_DATA_BYTES)
        stack.callback(sealed.close)
        baseline, subject = open_models(request, stack)
        _same(request.baseline, baseline.root_digest, header.baseline.root)
        _same(request.subject, subject.root_digest, header.subject.root)
        if data is not None:
            _same(data, sealed.digest, header.data.digest)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="invarlock-again-"))
        inputs = Inputs(
            request=request,
            mode=mode,
            contract=header.contract,
            schedule=_whole(header.schedule, header.contract),
            baseline=baseline,
            subject=subject,
            data=sealed,
        )
        yield Again(inputs, Path(folder), say)


def _whole(schedule: Schedule, contract: Contract) -> Schedule:
    return schedule.model_copy(update={"look": contract.estimate.looks})


def _check_installed() -> None:
    for name in _NEEDED:
        if find_spec(name) is None:
            message = f"`{name}` is not installed, and nothing can be measured without it"
            raise EnvironmentFault("E605", message, "pip install 'invarlock[hf]'")


def _same(path: Path, found: Digest, signed: Digest | None) -> None:
    if found != signed:
        hint = "stop whatever writes to it"
        raise SafetyRefusal("E209", f"`{path}` is not what it was a moment ago", hint)


def _given(drawn: Drawn, chosen: Sequence[int]) -> dict[str, Given]:
    """The files of :data:`~invarlock.evaluate.inputs.DRAWN`, of the windows ``chosen`` alone."""
    layout = drawn.layout
    starts, rows = layout.starts.tolist(), layout.offsets.tolist()
    tokens = [layout.tokens[starts[at] : starts[at + 1]] for at in chosen]
    places = [layout.positions[rows[at] : rows[at + 1]] for at in chosen]
    return {
        "windows.json": encode_windows([drawn.windows[at] for at in chosen]),
        "windows.u32": encode_u32(np.concatenate(tokens)),
        "positions.u32": encode_u32(np.concatenate(places)),
    }
