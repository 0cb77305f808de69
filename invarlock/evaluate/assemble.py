"""Evidence from what both arms left: the parent pairs, it does not compute."""

from __future__ import annotations

from collections.abc import Sequence

from invarlock.evaluate.combine import cuts, required, unusable, windows_of
from invarlock.evaluate.inputs import Inputs, Measured
from invarlock.evidence.schema import HEADER_FILE, ArmFacts, DataFacts, Header, Window
from invarlock.evidence.store import encode_header, encode_windows, part_digests
from invarlock.security.manifest import Requested, RuntimeManifest


def assemble(inputs: Inputs, baseline: Measured, subject: Measured) -> dict[str, bytes]:
    """The files of ``evidence/`` by name, the header included, for the windows that were measured.

    Raises :class:`SafetyRefusal` E303 when an arm's files do not fit the schema.
    """
    windows = windows_of(baseline)
    tokens = _pick(baseline, "windows.u32", cuts(window.length for window in windows))
    positions = _pick(baseline, "positions.u32", cuts(window.rows for window in windows))
    parts = {
        "windows.json": encode_windows(_paired(windows, subject)),
        "windows.u32": tokens,
        "positions.u32": positions,
        "baseline.i64": baseline.read("baseline.i64"),
        "baseline.tensors.json": baseline.read("baseline.tensors.json"),
        "baseline.activations.json": baseline.read("baseline.activations.json"),
        "subject.i64": subject.read("subject.i64"),
        "subject.tensors.json": subject.read("subject.tensors.json"),
        "subject.activations.json": subject.read("subject.activations.json"),
        "guards.i64": subject.read("guards.i64"),
        "overhead.json": subject.read("overhead.json"),
    }
    counted = required(baseline.answer.data, "data")
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


def observed(inputs: Inputs, baseline: Measured, subject: Measured) -> RuntimeManifest:
    """What was observed of every boundary of both arms."""
    return RuntimeManifest(
        requested=Requested(execution_mode=inputs.request.requested_mode),
        arms={"baseline": baseline.runtimes, "subject": subject.runtimes},
    )


def _facts(root: str, arm: Measured) -> ArmFacts:
    tokenizer = required(arm.answer.tokenizer, "tokenizer")
    return ArmFacts(root=root, tokenizer=tokenizer, device=arm.answer.device)


def _pick(measured: Measured, name: str, at: Sequence[int]) -> bytes:
    """What the windows measured have of a file of uint32 that holds those of all."""
    whole = measured.read(name)
    if len(whole) != 4 * at[-1]:
        raise unusable(name)
    return b"".join(whole[4 * at[s.start] : 4 * at[s.stop]] for s in measured.spans)


def _paired(windows: Sequence[Window], subject: Measured) -> tuple[Window, ...]:
    """The windows measured, with the ids that the subject's tokenizer gives at their places."""
    chosen = [window for span in subject.spans for window in windows[span.start : span.stop]]
    ids = required(subject.answer.subject_ids, "subject_ids")
    if len(ids) != len(chosen):
        raise unusable("subject_ids")
    return tuple(
        window.model_copy(update={"subject_id": other})
        for window, other in zip(chosen, ids, strict=True)
    )
