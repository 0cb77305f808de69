"""Evidence as bytes: encoders for the producer, and the reader that trusts nothing.

:func:`read_evidence` is where a verifier meets hostile input. Everything in a run's ``evidence/``
folder has one spelling; whatever is missing, unknown, malformed or spelled otherwise is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from invarlock.canonical import (
    StrictJsonError,
    canonical_bytes,
    digest_bytes,
    strict_json,
)
from invarlock.errors import VerificationFault
from invarlock.evidence.activations import check_activations, check_passes, guard_rows
from invarlock.evidence.consistency import check_columns
from invarlock.evidence.layout import Layout, layout_of
from invarlock.evidence.looks import look_ends, too_few_for
from invarlock.evidence.model import Evidence, Int64s, UInt32s
from invarlock.evidence.positions import check_positions, window_words
from invarlock.evidence.schedule import schedule_key, window_id
from invarlock.evidence.schema import (
    ARMS,
    GUARD_COLUMNS,
    HEADER_FILE,
    LOG_TASKS,
    PART_FILES,
    Activation,
    Header,
    Overhead,
    RuntimeFacts,
    Tensor,
    Window,
    stored_columns,
)
from invarlock.evidence.tensors import check_tensors, printable

_T = TypeVar("_T")
_HEADER: Final = TypeAdapter(Header)
_WINDOWS: Final = TypeAdapter(tuple[Window, ...])
_TENSORS: Final = TypeAdapter(tuple[Tensor, ...])
_OVERHEAD: Final = TypeAdapter(Overhead)
_ACTIVATIONS: Final = TypeAdapter(tuple[Activation, ...])
_HINT: Final = "do not deploy; ask the producer"


# --- the producer's side -------------------------------------------------------------------------


def encode_header(header: Header) -> bytes:
    """Canonical bytes of ``evidence.json``."""
    return canonical_bytes(header.model_dump(mode="json"))


def encode_windows(windows: Sequence[Window]) -> bytes:
    """Canonical bytes of ``windows.json``."""
    return canonical_bytes([window.model_dump(mode="json") for window in windows])


def encode_tensors(tensors: Sequence[Tensor]) -> bytes:
    """Canonical bytes of ``<arm>.tensors.json``, sorted by name."""
    ordered = sorted(tensors, key=lambda tensor: tensor.name)
    return canonical_bytes([tensor.model_dump(mode="json") for tensor in ordered])


def encode_activations(activations: Sequence[Activation]) -> bytes:
    """Canonical bytes of ``<arm>.activations.json``, sorted by name."""
    ordered = sorted(activations, key=lambda layer: layer.name)
    return canonical_bytes([layer.model_dump(mode="json") for layer in ordered])


def encode_overhead(overhead: Overhead) -> bytes:
    """Canonical bytes of ``overhead.json``."""
    return canonical_bytes(overhead.model_dump(mode="json"))


def encode_u32(numbers: UInt32s) -> bytes:
    """Bytes of ``windows.u32`` or ``positions.u32``."""
    return np.ascontiguousarray(numbers, dtype="<u4").tobytes()


def encode_columns(*columns: Int64s) -> bytes:
    """Bytes of ``<arm>.i64`` from its columns, each of shape (rows,), in the schema's order."""
    return b"".join(np.ascontiguousarray(column, dtype="<i8").tobytes() for column in columns)


def part_digests(parts: Mapping[str, bytes]) -> dict[str, str]:
    """``Header.parts`` of these part files."""
    return {name: digest_bytes(parts[name]) for name in sorted(parts)}


# --- the verifier's side -------------------------------------------------------------------------
def decode_header(data: bytes) -> Header:
    """The header that ``data`` holds. Raises :class:`VerificationFault` E405."""
    header = _decode(_HEADER, {HEADER_FILE: data}, HEADER_FILE)
    _check_arms(header)
    return header


def read_evidence(files: Mapping[str, bytes], runtime: RuntimeFacts) -> Evidence:
    """Read an ``evidence/`` folder, given as bytes by file name, and check all it claims.

    Raises :class:`VerificationFault`: E403 where a digest does not fit its bytes, E405 where
    something is missing, unknown or malformed, E407 where windows are not those of the schedule.
    """
    _check_names(files)
    header = decode_header(files[HEADER_FILE])
    _check_origin(header, runtime)
    _check_parts(header, files)
    windows = _decode(_WINDOWS, files, "windows.json")
    layout = _layout(files, windows)
    columns = stored_columns(header.contract.task, header.origin)
    baseline = _array(files, "baseline.i64", "<i8", (len(columns.baseline), layout.rows))
    subject = _array(files, "subject.i64", "<i8", (len(columns.subject), layout.rows))
    tensors = {arm: _decode(_TENSORS, files, f"{arm}.tensors.json") for arm in ARMS}
    check_positions(header, windows, layout)
    _check_windows(header, windows, layout)
    _check_schedule(header, windows)
    named = {
        **{f"baseline_{name}": row for name, row in zip(columns.baseline, baseline, strict=True)},
        **dict(zip(columns.subject, subject, strict=True)),
    }
    check_columns(header.contract.task, layout, named)
    check_tensors(tensors["baseline"], tensors["subject"], header.contract.rows)
    activations = {arm: _decode(_ACTIVATIONS, files, f"{arm}.activations.json") for arm in ARMS}
    check_activations(header, windows, activations)
    overhead = _decode(_OVERHEAD, files, "overhead.json")
    again = _array(files, "guards.i64", "<i8", (len(GUARD_COLUMNS), _again(header, windows, files)))
    check_passes(again, overhead, activations)
    guarded = [*tensors.values(), *activations.values(), overhead.guarded, overhead.bare]
    if header.origin == "imported" and (any(guarded) or again.size):
        raise _malformed("imported evidence has tensors or activations, which no log holds")
    return Evidence(
        header=header,
        windows=windows,
        tokens=layout.tokens,
        positions=layout.positions,
        tensors=tensors,
        activations=activations,
        overhead=overhead,
        runtime=runtime,
        **named,
        **(dict(zip(GUARD_COLUMNS, again, strict=True)) if again.size else {}),
    )


def _malformed(message: str) -> VerificationFault:
    """E405 on one line, whatever the hostile file put into the message."""
    line = "".join(char if char.isprintable() else "?" for char in message)
    return VerificationFault("E405", line, _HINT)


def _check_names(files: Mapping[str, bytes]) -> None:
    expected = {HEADER_FILE, *PART_FILES}
    for name in sorted(expected - set(files)):
        raise _malformed(f"evidence lacks `{name}`")
    for name in sorted(set(files) - expected):
        raise _malformed(f"evidence holds an unknown file `{name[:80]}`")


def _decode(adapter: TypeAdapter[_T], files: Mapping[str, bytes], name: str) -> _T:
    """Parse one JSON file; its bytes must be the canonical ones, with every field written out."""
    try:
        strict_json(files[name])
        value = adapter.validate_json(files[name], strict=True)
        canonical = canonical_bytes(adapter.dump_python(value, mode="json"))
    except StrictJsonError as err:
        raise _malformed(f"`{name}` is not strict json: {err}") from err
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "top level"
        raise _malformed(f"`{name}`: `{where[:120]}`: {first['msg'].lower()}") from err
    except TypeError as err:
        raise _malformed(f"`{name}` has no canonical form: {err}") from err
    if canonical != files[name]:
        raise _malformed(f"`{name}` is not in canonical form")
    return value


def _check_parts(header: Header, files: Mapping[str, bytes]) -> None:
    if tuple(sorted(header.parts)) != PART_FILES:
        raise _malformed(f"`{HEADER_FILE}` must list exactly {', '.join(PART_FILES)}")
    for name in PART_FILES:
        if digest_bytes(files[name]) != header.parts[name]:
            raise VerificationFault(
                "E403", f"`{name}` differs from the digest in `{HEADER_FILE}`", _HINT
            )


def _again(header: Header, windows: Sequence[Window], files: Mapping[str, bytes]) -> int:
    """Rows of ``guards.i64``: those of the guard windows, or none where no guard ran."""
    return guard_rows(header, windows) if files["guards.i64"] else 0


def _layout(files: Mapping[str, bytes], windows: Sequence[Window]) -> Layout:
    length, rows = sum(window.length for window in windows), sum(w.rows for w in windows)
    (tokens,) = _array(files, "windows.u32", "<u4", (1, length))
    (positions,) = _array(files, "positions.u32", "<u4", (1, rows))
    return layout_of(windows, tokens, positions)


def _array(
    files: Mapping[str, bytes], name: str, dtype: str, shape: tuple[int, int]
) -> np.ndarray[Any, np.dtype[Any]]:
    expected = shape[0] * shape[1] * np.dtype(dtype).itemsize
    if len(files[name]) != expected:
        raise _malformed(f"`{name}` has {len(files[name])} bytes instead of {expected}")
    return np.frombuffer(files[name], dtype=dtype).reshape(shape)


def _check_windows(header: Header, windows: Sequence[Window], layout: Layout) -> None:
    ends, rows = layout.starts.tolist(), layout.offsets.tolist()
    task, content = header.contract.task, header.contract.windows.content
    for position, window in enumerate(windows):
        if not all(printable(text) for text in (window.document, window.slice) if text is not None):
            raise _malformed(f"window {position}: its document or slice is no printable text")
        tokens = layout.tokens[ends[position] : ends[position + 1]]
        places = layout.positions[rows[position] : rows[position + 1]]
        words = window_words(task, content, places, window.answer)
        if window.length and window_id(tokens, words) != window.id:
            raise VerificationFault(
                "E403", f"window {position} of `windows.json`: id and content differ", _HINT
            )
    if len(windows) > header.data.windows:
        raise _malformed(f"{len(windows)} windows out of {header.data.windows} in the data")
    if (documents := len({window.document for window in windows})) > header.data.documents:
        raise _malformed(f"{documents} documents out of {header.data.documents} in the data")


def _check_origin(header: Header, runtime: RuntimeFacts) -> None:
    """What is known of measured evidence, and only of that; which logs an import is from."""
    measured = header.origin == "measured"
    known = {
        "a root": header.baseline.root is not None and header.subject.root is not None,
        "a tokenizer": header.baseline.tokenizer is not None
        and header.subject.tokenizer is not None,
        "an observed runtime": None not in runtime.model_dump().values(),
        "no logs": header.logs is None,
    }
    if measured and not all(known.values()):
        lacking = next(name for name, there in known.items() if not there)
        raise _malformed(f"measured evidence must have {lacking}")
    if measured:
        return
    if header.subject.root is None or header.logs is None:
        raise _malformed("imported evidence must name its subject and its logs")
    if (header.baseline.tokenizer, header.subject.tokenizer) != (None, None):
        raise _malformed("imported evidence names a tokenizer, which no log shows")
    if set(runtime.model_dump().values()) != {None}:
        raise _malformed("imported evidence claims a runtime that nobody observed")
    if LOG_TASKS[header.logs.kind] != header.contract.task:
        raise _malformed(f"no log of kind `{header.logs.kind}` is evidence for this task")


def _check_schedule(header: Header, windows: Sequence[Window]) -> None:
    """Counts and order are the schedule's. Equal neighbours are left to ``windows.overlap``."""
    schedule = header.schedule
    counts = Counter(window.phase for window in windows)
    final, preview = planned_windows(header)
    if (counts["final"], counts["preview"]) != (final, preview):
        raise VerificationFault(
            "E407",
            f"{counts['final']} final and {counts['preview']} preview windows instead of "
            f"{final} and {preview}",
            _HINT,
        )
    if any(window.phase == "preview" for window in windows[:final]):
        raise VerificationFault("E407", "a preview window stands before a final one", _HINT)
    keys = [schedule_key(schedule.seed, window.id) for window in windows]
    for at in range(1, len(keys)):
        if keys[at] < keys[at - 1]:
            message = f"window {at} of `windows.json` is out of the seed's order"
            raise VerificationFault("E407", message, _HINT)


def planned_windows(header: Header) -> tuple[int, int]:
    """The final and preview windows that there must be at the look that the header names."""
    schedule, looks = header.schedule, header.contract.estimate.looks
    if schedule.look > looks or (looks > 1 and too_few_for(schedule.final, looks)):
        message = f"no look {schedule.look} of {looks} at {schedule.final} final windows"
        raise VerificationFault("E407", message, _HINT)
    ends = look_ends(schedule.final, looks)
    return ends[schedule.look - 1], schedule.preview if schedule.look == looks else 0


def _check_arms(header: Header) -> None:
    beacon = header.schedule.beacon
    if beacon is not None and not printable(beacon.source):
        raise _malformed(f"`{HEADER_FILE}`: the beacon's `source` is no printable text")
    for arm in (header.baseline, header.subject):
        if not printable(arm.device):
            raise _malformed(f"`{HEADER_FILE}`: `device` is no printable text")
