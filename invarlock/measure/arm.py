"""One arm from its inputs to its files: checks, windows, guards on weights, scores.

Importing the model library keeps one core busy for seconds and the others idle: meanwhile the
guards read the weights, and windows are cut, in threads of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import TypeAdapter, ValidationError

from invarlock.artifacts.model_files import ModelFiles, check_bound, open_model
from invarlock.errors import SafetyRefusal
from invarlock.evidence.layout import layout_of
from invarlock.evidence.model import Int64s, Layout
from invarlock.evidence.schema import COLUMNS, Activation, Tensor, Window
from invarlock.evidence.store import (
    encode_activations,
    encode_columns,
    encode_overhead,
    encode_tensors,
    encode_u32,
    encode_windows,
)
from invarlock.measure.activations.guarded import guarded
from invarlock.measure.bodies import How, load_body, read_own_head
from invarlock.measure.guards.scan import scan_in_threads
from invarlock.measure.ingest import read_documents
from invarlock.measure.job import (
    BASELINE_FOLDER,
    DATA_FILE,
    HIDDEN_FILE,
    LAYERS_FILE,
    LOSSES_FILE,
    MODEL_FOLDER,
    POSITIONS_FILE,
    TOKENS_FILE,
    WINDOWS_FILE,
    ArmAnswer,
    ArmJob,
)
from invarlock.measure.null.folder import null_model
from invarlock.measure.size import size_of
from invarlock.measure.tasks import task_of
from invarlock.measure.tasks.protocol import Task
from invarlock.measure.tokenizer import Tokenizer, load_tokenizer
from invarlock.measure.weights.model import weights_of
from invarlock.measure.windows import Drawn, Scored, cut, ids_at

if TYPE_CHECKING:
    from invarlock.measure.head import Head
    from invarlock.measure.score import Body

Say = Callable[[str], None]

_VERSIONED: Final = ("numpy", "safetensors", "tokenizers", "torch", "transformers")
_DOING: Final = {
    "windows": "cutting windows",
    "load": "loading the model",
    "guards": "reading weights",
    "score": "scoring windows",
}
_WINDOWS: Final = TypeAdapter(tuple[Window, ...])
_LAYERS: Final = TypeAdapter(tuple[Activation, ...])


@dataclass(slots=True)
class Clock:
    """Milliseconds by phase; each phase is announced when it begins."""

    say: Say
    phases: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        self.say(_DOING[name])
        start = time.monotonic()
        yield
        self.phases[name] = round((time.monotonic() - start) * 1000)


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of a boundary, inputs and output, and where lines of progress go."""

    inputs: Path
    out: Path
    say: Say = field(default=lambda line: None)
    edited: Path | None = None

    @property
    def model(self) -> Path:
        """The folder that the library gets the model's weights from: the one given, or the one
        that holds it after a null edit."""
        return self.inputs / MODEL_FOLDER if self.edited is None else self.edited

    def write(self, name: str, data: bytes) -> None:
        """Write one output file whole."""
        (self.out / name).write_bytes(data)


def run_arm(job: ArmJob, place: Place) -> ArmAnswer:
    """Do the job; its files are written when this returns.

    Raises whatever of :class:`InvarlockError` stands in the way, :class:`MemoryError` and
    :class:`OSError` as they come.
    """
    check_bound(place.inputs, job.expected)
    if job.null is None:
        answer = _arm(job, place, place.model)
    else:
        with null_model(place.model, job.null) as (folder, kind):
            # Sums in another order are no edit of what is stored.
            stored = place.model if kind == "reorder" else folder
            answer = _arm(job, replace(place, edited=folder), stored)
            answer = answer.model_copy(update={"null": kind})
    check_bound(place.inputs, job.expected)
    return answer


def _arm(job: ArmJob, place: Place, stored: Path) -> ArmAnswer:
    """One arm; the guards on weights read the model in ``stored``."""
    with open_model(stored) as files:
        if job.purpose == "check":
            return ArmAnswer(arm=job.arm, size=size_of(files))
        if job.purpose == "weights":
            return _weights(job, place, files)
        return (
            _baseline(job, place, files) if job.arm == "baseline" else _subject(job, place, files)
        )


def _weights(job: ArmJob, place: Place, files: ModelFiles) -> ArmAnswer:
    """The records of tensors and no more; the subject's beside the baseline's."""
    clock = Clock(place.say)
    with ExitStack() as stack, clock.phase("guards"):
        base = None
        if job.arm == "subject":
            base = stack.enter_context(open_model(place.inputs / BASELINE_FOLDER))
        records = stack.enter_context(_scanning(job, files, base))
        tensors = [record.result() for record in records]
    place.write(f"{job.arm}.tensors.json", encode_tensors(tensors))
    return ArmAnswer(arm=job.arm, size=size_of(files), device=job.device, threads=job.threads)


def _baseline(job: ArmJob, place: Place, files: ModelFiles) -> ArmAnswer:
    clock = Clock(place.say)
    with _scanning(job, files) as records:
        with clock.phase("windows"):
            tokenizer = load_tokenizer(place.inputs / MODEL_FOLDER)
            task = task_of(job.contract, files.config)
            drawn = _scheduled(job, place) if job.drawn else _draw(job, place, task, tokenizer)
        scored = drawn.part(job)
        with clock.phase("load"):
            how = How(place.model, task, tokenizer)
            body = load_body(job, files, how, scored.layout, place.say) if scored.windows else None
        with clock.phase("guards"):
            tensors = [record.result() for record in records]
    with (
        clock.phase("score"),
        (place.out / HIDDEN_FILE).open("wb") as hidden,
        guarded(job, body, scored) as guards,
    ):
        loss = _baseline_loss(body, place, scored, hidden)
    place.write(WINDOWS_FILE, encode_windows(drawn.windows))
    place.write(TOKENS_FILE, encode_u32(drawn.layout.tokens))
    place.write(POSITIONS_FILE, encode_u32(drawn.layout.positions))
    place.write(LOSSES_FILE, encode_columns(loss))
    place.write("baseline.tensors.json", encode_tensors(tensors))
    place.write("baseline.activations.json", encode_activations(guards.layers))
    return _answer(job, clock, tokenizer).model_copy(update={"data": drawn.counts})


def _baseline_loss(body: Body | None, place: Place, scored: Scored, hidden: IO[bytes]) -> Int64s:
    if body is None:
        return np.zeros(0, dtype=np.int64)
    from invarlock.measure.score import score_baseline, score_choices

    tick = _counter(place, len(scored.windows))
    if body.choices is not None:
        return score_choices(body, scored.layout, tick, seam=scored.seam)
    return score_baseline(body, scored.layout, hidden, tick, seam=scored.seam)


def _subject(job: ArmJob, place: Place, files: ModelFiles) -> ArmAnswer:
    clock = Clock(place.say)
    with open_model(place.inputs / BASELINE_FOLDER) as base, _scanning(job, files, base) as records:
        with clock.phase("windows"):
            scored = _scheduled(job, place).part(job)
            tokenizer = load_tokenizer(place.inputs / MODEL_FOLDER)
            task = task_of(job.contract, files.config)
            ids = _same_places(job, place, scored.windows, task, tokenizer)
        with clock.phase("load"):
            how = How(place.model, task, tokenizer)
            body = load_body(job, files, how, scored.layout, place.say) if scored.windows else None
            both = (
                None
                if body is None
                else (body, read_own_head(place.inputs / BASELINE_FOLDER, task))
            )
        with clock.phase("guards"):
            tensors = [record.result() for record in records]
    with (
        clock.phase("score"),
        (place.inputs / HIDDEN_FILE).open("rb") as hidden,
        guarded(job, both and both[0], scored) as guards,
    ):
        columns = _subject_columns(job, place, scored, both, hidden)
        again = guards.again(_baseline_layers(place))
    place.write("subject.i64", encode_columns(*columns))
    place.write("subject.tensors.json", encode_tensors(tensors))
    place.write("subject.activations.json", encode_activations(guards.layers))
    place.write("guards.i64", encode_columns(*again))
    place.write("overhead.json", encode_overhead(guards.overhead))
    return _answer(job, clock, tokenizer).model_copy(update={"subject_ids": tuple(ids)})


def _subject_columns(
    job: ArmJob,
    place: Place,
    scored: Scored,
    both: tuple[Body, Head | None] | None,
    hidden: IO[bytes],
) -> tuple[Int64s, ...]:
    losses = _baseline_losses(place, scored.layout)
    if both is None:
        return (losses,) * len(COLUMNS[job.contract.task].subject)
    from invarlock.measure.score import Pairing, score_choices, score_subject

    body, head = both
    tick = _counter(place, len(scored.windows))
    if body.choices is not None:
        return (score_choices(body, scored.layout, tick, seam=scored.seam),)
    split = hidden.seek(0, 2) > 0
    hidden.seek(0)
    pairing = Pairing(head, hidden, losses) if head is not None and split else None
    if pairing is None and body.head is not None:
        place.say("the baseline's head is not split: no KL, Δp, agreement")
    return score_subject(body, scored.layout, pairing, tick, seam=scored.seam)


@contextmanager
def _scanning(
    job: ArmJob, files: ModelFiles, baseline: ModelFiles | None = None
) -> Iterator[list[Future[Tensor]]]:
    """The records of all weights, being made; the subject's beside the baseline's. The library is
    imported in the same threads, before them."""
    beside = None if baseline is None else weights_of(baseline)
    pool = ThreadPoolExecutor(job.threads)
    shard = job.tensors
    if job.purpose == "measure" and (job.span is None or job.span.windows):
        from invarlock.measure.loading import import_library

        # What it raises, loading raises again.
        pool.submit(import_library, files, task_of(job.contract, files.config).models)
    try:
        yield (
            []
            if shard is None
            else scan_in_threads(pool, weights_of(files), job.contract, beside, shard)
        )
    finally:
        pool.shutdown(cancel_futures=True)


def _draw(job: ArmJob, place: Place, task: Task[Any], tokenizer: Tokenizer) -> Drawn:
    documents = read_documents(place.inputs / DATA_FILE, task)
    return cut(documents, task.pieces(documents, tokenizer), job, task)


def _same_places(
    job: ArmJob,
    place: Place,
    windows: tuple[Window, ...],
    task: Task[Any],
    tokenizer: Tokenizer,
) -> list[str | None]:
    """What the subject's tokenizer gives where the windows were cut; only their documents are
    tokenised."""
    wanted = {window.document for window in windows}
    documents = read_documents(place.inputs / DATA_FILE, task)
    chosen = [document for document in documents if document.id in wanted]
    pieces = task.pieces(chosen, tokenizer)
    own = {document.id: found for document, found in zip(chosen, pieces, strict=True)}
    return ids_at(windows, own, job.contract)


def _scheduled(job: ArmJob, place: Place) -> Drawn:
    """The windows as the baseline's arm drew them. Raises :class:`SafetyRefusal` E001 when they do
    not fit the job."""
    try:
        windows = _WINDOWS.validate_json((place.inputs / WINDOWS_FILE).read_bytes())
    except ValidationError as err:
        raise _unpaired(WINDOWS_FILE) from err
    if len(windows) != job.schedule.final + job.schedule.preview or not windows:
        raise _unpaired(WINDOWS_FILE)
    tokens, positions = (
        np.fromfile(place.inputs / name, dtype="<u4") for name in (TOKENS_FILE, POSITIONS_FILE)
    )
    if tokens.size != sum(window.length for window in windows):
        raise _unpaired(TOKENS_FILE)
    if positions.size != sum(window.rows for window in windows):
        raise _unpaired(POSITIONS_FILE)
    return Drawn(windows, layout_of(windows, tokens, positions), None)


def _baseline_layers(place: Place) -> tuple[Activation, ...]:
    try:
        return _LAYERS.validate_json((place.inputs / LAYERS_FILE).read_bytes())
    except ValidationError as err:
        raise _unpaired(LAYERS_FILE) from err


def _baseline_losses(place: Place, layout: Layout) -> Int64s:
    losses = np.fromfile(place.inputs / LOSSES_FILE, dtype="<i8")
    if losses.size != layout.rows:
        raise _unpaired(LOSSES_FILE)
    return losses


def _counter(place: Place, total: int) -> Callable[[int], None]:
    return lambda done: place.say(f"scored {done} of {total} windows")


def _answer(job: ArmJob, clock: Clock, tokenizer: Tokenizer) -> ArmAnswer:
    return ArmAnswer(
        arm=job.arm,
        tokenizer=tokenizer.facts,
        device=job.device,
        threads=job.threads,
        packages={name: version(name) for name in _VERSIONED} | {"python": python_version()},
        kernels=_kernels(job),
        timings=clock.phases,
    )


def _kernels(job: ArmJob) -> dict[str, str]:
    """What chose the kernels, unless nothing was scored."""
    if job.span is not None and not job.span.windows:
        return {}
    from invarlock.measure.devices import kernels

    return kernels(job.device)


def _unpaired(name: str) -> SafetyRefusal:
    return SafetyRefusal(
        "E001", f"`{name}` does not fit the schedule", "evaluate both arms on one schedule"
    )
