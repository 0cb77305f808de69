"""Evidence from what both arms left: the parent pairs, it does not compute."""

from __future__ import annotations

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from invarlock.errors import SafetyRefusal
from invarlock.evaluate.arms import ArmResult, Inputs
from invarlock.evidence.schema import HEADER_FILE, ArmFacts, DataFacts, Header, Window
from invarlock.evidence.store import encode_header, encode_windows, part_digests

_T = TypeVar("_T")
_WINDOWS = TypeAdapter(tuple[Window, ...])


def assemble(inputs: Inputs, baseline: ArmResult, subject: ArmResult) -> dict[str, bytes]:
    """The files of ``evidence/`` by name, the header included.

    Raises :class:`SafetyRefusal` E303 when an arm's files do not fit the schema.
    """
    parts = {
        "windows.json": encode_windows(_paired(baseline, subject)),
        "windows.u32": baseline.read("windows.u32"),
        "positions.u32": baseline.read("positions.u32"),
        "baseline.i64": baseline.read("baseline.i64"),
        "baseline.tensors.json": baseline.read("baseline.tensors.json"),
        "subject.i64": subject.read("subject.i64"),
        "subject.tensors.json": subject.read("subject.tensors.json"),
    }
    counted = _required(baseline.answer.data, "data")
    header = Header(
        origin="measured",
        contract=inputs.contract,
        schedule=inputs.schedule,
        data=DataFacts(
            digest=inputs.data.digest, documents=counted.documents, windows=counted.windows
        ),
        baseline=_facts(inputs.baseline.root_digest, baseline),
        subject=_facts(inputs.subject.root_digest, subject),
        parts=part_digests(parts),
    )
    return {HEADER_FILE: encode_header(header), **parts}


def _facts(root: str, arm: ArmResult) -> ArmFacts:
    tokenizer = _required(arm.answer.tokenizer, "tokenizer")
    return ArmFacts(root=root, tokenizer=tokenizer, device=arm.answer.device)


def _paired(baseline: ArmResult, subject: ArmResult) -> tuple[Window, ...]:
    """The baseline's windows with the ids that the subject's tokenizer gives at the same places."""
    try:
        windows = _WINDOWS.validate_json(baseline.read("windows.json"))
    except ValidationError as err:
        raise _unusable("windows.json") from err
    ids = subject.answer.subject_ids
    if ids is None or len(ids) != len(windows):
        raise _unusable("subject_ids")
    return tuple(
        window.model_copy(update={"subject_id": other})
        for window, other in zip(windows, ids, strict=True)
    )


def _required(value: _T | None, name: str) -> _T:
    if value is None:
        raise _unusable(name)
    return value


def _unusable(name: str) -> SafetyRefusal:
    return SafetyRefusal(
        "E303", f"the boundary's answer cannot be used: `{name}` does not fit", "run again"
    )
