"""The log of one arm into the files of its arm, as measuring would leave them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import TypeAdapter, ValidationError

from invarlock.canonical import canonical_bytes
from invarlock.errors import SafetyRefusal
from invarlock.evidence.documents import documents_digest
from invarlock.evidence.schedule import draw, schedule_seed
from invarlock.evidence.schema import LOG_TASKS, Digest, Window
from invarlock.evidence.store import encode_columns, encode_u32, encode_windows
from invarlock.measure.job import ArmAnswer, DataCounts
from invarlock.measure.logs.documents import parser_of
from invarlock.measure.logs.items import Item, read_items
from invarlock.measure.logs.job import LOG_FILE, ORDER_FILE, LogJob

_WINDOWS: Final = TypeAdapter(tuple[Window, ...])
_ORDER: Final = TypeAdapter(tuple[Digest, ...])


def run_log(job: LogJob, inputs: Path, out: Path) -> ArmAnswer:
    """Read the log of ``job`` and write what the arm leaves.

    The baseline's gives ``order.json``, ``windows.json``, ``windows.u32``, ``positions.u32`` and
    ``baseline.i64``; the subject's ``subject.i64``. Raises :class:`SafetyRefusal` E003 for a line
    that cannot be read, E001 for documents that are not the baseline's, in its order, E210 for a
    log that cannot serve the bar's task; :class:`Inconclusive` E002 for too few documents.
    """
    if LOG_TASKS[job.kind] != job.contract.task:
        raise SafetyRefusal(
            "E210",
            f"a log of kind `{job.kind}` gives no evidence for the task `{job.contract.task}`",
            f"use a policy with `task = {LOG_TASKS[job.kind]}`",
        )
    if job.contract.windows.content != "text":
        raise SafetyRefusal("E210", "no log tells which tokens of a chat are scored", "use text")
    contract = job.contract
    length, normalise = contract.windows.length, contract.estimate.normalise
    parse = parser_of(job.kind, length, job.slice_key, normalise)
    items = read_items(inputs / LOG_FILE, parse)
    arm = _baseline if job.arm == "baseline" else _subject
    answer = arm(job, items, inputs, out)
    return answer.model_copy(update={"packages": {"numpy": version("numpy")}})


def _baseline(job: LogJob, items: Sequence[Item], inputs: Path, out: Path) -> ArmAnswer:
    order = [item.content for item in items]
    digest = documents_digest(order)
    schedule = job.schedule.model_copy(
        update={"seed": schedule_seed(job.bar, digest, job.schedule.beacon)}
    )
    ids = [item.id for item in items]
    scored = [np.array(item.tokens[1:], dtype=np.uint32) for item in items]
    drawn = [items[at] for at in draw(schedule, ids, scored)]
    windows = [_window(item, at < schedule.final) for at, item in enumerate(drawn)]
    tokens = np.array([token for item in drawn for token in item.tokens], dtype=np.uint32)
    places = np.concatenate([_positions(item) for item in drawn])
    files = {
        ORDER_FILE: canonical_bytes(order),
        "windows.json": encode_windows(windows),
        "windows.u32": encode_u32(tokens),
        "positions.u32": encode_u32(places),
        "baseline.i64": encode_columns(np.concatenate([item.loss for item in drawn])),
    }
    for name, data in files.items():
        (out / name).write_bytes(data)
    counts = DataCounts(documents=len(items), windows=len(set(ids)))
    return ArmAnswer(arm=job.arm, data=counts, content=digest)


def _subject(job: LogJob, items: Sequence[Item], inputs: Path, out: Path) -> ArmAnswer:
    try:
        order = _ORDER.validate_json((inputs / ORDER_FILE).read_bytes())
        windows = _WINDOWS.validate_json((inputs / "windows.json").read_bytes())
    except ValidationError as err:
        raise _unpaired("what the baseline's log left cannot be read") from err
    check_order(order, items)
    found = {item.id: item for item in reversed(items)}
    drawn = [found[window.id] for window in windows]
    losses = np.concatenate([item.loss for item in drawn])
    (out / "subject.i64").write_bytes(encode_columns(losses))
    ids = tuple(item.id for item in drawn)
    return ArmAnswer(arm=job.arm, subject_ids=ids, content=documents_digest(order))


def check_order(order: Sequence[Digest], items: Sequence[Item]) -> None:
    """Raise :class:`SafetyRefusal` E001 unless ``items`` are the documents of ``order``, in it."""
    lines = {content: at + 1 for at, content in reversed(list(enumerate(order)))}
    for wanted, item in zip(order, items, strict=False):
        if item.content == wanted:
            continue
        elsewhere = lines.get(item.content)
        if elsewhere is not None:
            raise _unpaired(
                f"line {item.line} of the subject's log holds the document of line {elsewhere} of "
                "the baseline's"
            )
        raise _unpaired(
            f"line {item.line} of the subject's log holds another document than the baseline's"
        )
    if len(order) != len(items):
        raise _unpaired(
            f"the subject's log holds {len(items)} documents, the baseline's {len(order)}"
        )


def _window(item: Item, final: bool) -> Window:
    return Window(
        id=item.id,
        subject_id=None,
        phase="final" if final else "preview",
        document=item.document,
        slice=item.slice,
        start=0,
        length=len(item.tokens),
        rows=len(item.loss),
        answer=item.answer,
        sizes=item.sizes,
    )


def _positions(item: Item) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """The place of the token that each row scores; zeros where the log has no token ids."""
    rows = len(item.loss)
    return np.arange(1, rows + 1, dtype="<u4") if item.tokens else np.zeros(rows, dtype="<u4")


def _unpaired(what: str) -> SafetyRefusal:
    return SafetyRefusal("E001", what, "log both arms over the same documents, in one order")
