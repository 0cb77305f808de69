"""Building the report: one pure function, called by the engine and again by every verifier.

Whatever is not declared is computed here from what the verifier holds, so that a report with one
field changed is not the report that its own evidence gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from invarlock.artifacts.folder import FileEntry, root_digest
from invarlock.artifacts.kinds import is_loaded
from invarlock.artifacts.oms import oms_digest
from invarlock.canonical import decimal_text, digest_bytes, digest_json
from invarlock.errors import VerificationFault
from invarlock.evidence.leaves import windows_root
from invarlock.evidence.model import Evidence, Int64s, UInt32s
from invarlock.evidence.schema import ARMS, Arm, Digest, Header
from invarlock.evidence.store import encode_header
from invarlock.judge.contract import demanded
from invarlock.judge.decide import decide
from invarlock.judge.estimate import estimate
from invarlock.judge.guards.reported import guard_reports
from invarlock.judge.records import (
    DECLARED,
    Arms,
    Declared,
    FileRecord,
    Look,
    ModelFile,
    ModelRecord,
    Names,
    PolicyRecord,
    Report,
    ReportedGate,
    Seeds,
    Span,
    Tool,
    Validation,
)
from invarlock.judge.signature import PENDING
from invarlock.judge.values import Key, Values
from invarlock.judge.verdict import Verdict
from invarlock.policy.ir import BarIR

if TYPE_CHECKING:
    from invarlock.policy import Compiled

__all__ = [
    "DECLARED",
    "Declared",
    "FileRecord",
    "Names",
    "PolicyRecord",
    "Report",
    "ReportInputs",
    "Tool",
    "build_report",
    "check_binding",
    "content_digest",
    "policy_record",
]

_HINT: Final = "do not deploy; ask the producer"
_PRIMARY: Final = frozenset({"perplexity.ratio", "accuracy.delta"})
"""The metric that a task is first judged by: one of them exists for each."""
TOKENIZER_FILES: Final = frozenset(
    {
        "added_tokens.json",
        "chat_template.jinja",
        "merges.txt",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "vocab.json",
        "vocab.txt",
    }
)
"""What a tokenizer is made of, in a model folder. ``tokenizer.same`` is about what they mean."""


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """All that a report is made from.

    Attributes:
        evidence: as read back by ``read_evidence``.
        policy: name, version and digests of policy and bar.
        bar: the resolved bar of the producer.
        spans: the place of every gate of the bar, by id.
        baseline_files, subject_files: every file of the model folders.
        run_files: every other file of the run, ``evidence/`` and ``policy/`` included.
        declared: the producer's word.
        values: what ``estimate`` gives for this evidence under its own contract, where the caller
            has it already.
    """

    evidence: Evidence
    policy: PolicyRecord
    bar: BarIR
    spans: Mapping[str, Span]
    baseline_files: tuple[FileRecord, ...]
    subject_files: tuple[FileRecord, ...]
    run_files: tuple[FileRecord, ...]
    declared: Declared
    values: Values | None = None


def build_report(inputs: ReportInputs) -> Report:
    """The report that these inputs give.

    Raises :class:`VerificationFault` where they contradict one another: E403 when a folder's files
    or the bar do not have the digests recorded, E407 when the schedule does not follow from bar
    and data, E408 when the evidence was taken under another contract than the bar's.
    """
    check_binding(inputs.evidence, inputs.bar)
    header, bar = inputs.evidence.header, inputs.bar
    if inputs.policy.bar_digest != bar.digest:
        raise VerificationFault("E403", "the bar differs from `policy.bar_digest`", _HINT)
    values = inputs.values or estimate(inputs.evidence, header.contract)
    verdict = decide(bar, values.also(PENDING))
    return Report(
        **{name: getattr(inputs.declared, name) for name in type(inputs.declared).model_fields},
        policy=inputs.policy,
        resolved_policy=bar,
        origin=header.origin,
        logs=header.logs,
        contract=header.contract,
        measurement_contract_hash=header.contract.digest,
        seeds=Seeds(
            schedule=header.schedule.seed,
            beacon=header.schedule.beacon,
            bootstrap=header.contract.estimate.seed,
        ),
        look=Look(
            reached=header.schedule.look,
            of=header.contract.estimate.looks,
            final=sum(window.phase == "final" for window in inputs.evidence.windows),
            planned=header.schedule.final,
        ),
        device=Arms(baseline=header.baseline.device, subject=header.subject.device),
        tokenizer_hash=_tokenizer(header),
        tokenizer_files=_differing(inputs.baseline_files, inputs.subject_files),
        provider_digest=digest_json([window.id for window in inputs.evidence.windows]),
        window_match_fraction=_text(values, Key("windows.match")),
        window_overlap_fraction=_text(values, Key("windows.overlap")),
        data=header.data,
        baseline=_baseline(header.baseline.root, inputs.baseline_files),
        subject=_model("subject", _named(header.subject.root), inputs.subject_files),
        runtime=inputs.evidence.runtime,
        verdict=verdict.verdict,
        validation=Validation(primary_metric_acceptable=_primary(verdict)),
        gates=tuple(_gates(verdict, inputs.spans)),
        guards=guard_reports(inputs.evidence, values, verdict),
        evidence_digest=digest_bytes(encode_header(header)),
        content_digest=content_digest(inputs.evidence),
        merkle_root=windows_root(inputs.evidence),
        files=tuple(sorted(inputs.run_files, key=lambda record: record.path)),
    )


def content_digest(evidence: Evidence) -> Digest:
    """Digest of every window, tensor and number, whether or not a value or a gate shows it.

    Values are rounded and maxima hide what lies below them, so that evidence may change without a
    value moving. This does not let it.
    """
    arrays: dict[str, Int64s | UInt32s] = {
        "tokens": evidence.tokens,
        "positions": evidence.positions,
        **evidence.columns,
        **evidence.passes,
    }
    numbers = {name: digest_bytes(array.astype("<i8").tobytes()) for name, array in arrays.items()}
    tensors = {
        arm: [tensor.model_dump(mode="json") for tensor in evidence.tensors[arm]] for arm in ARMS
    }
    layers = {
        arm: [layer.model_dump(mode="json") for layer in evidence.activations[arm]] for arm in ARMS
    }
    windows = [window.model_dump(mode="json") for window in evidence.windows]
    overhead = evidence.overhead.model_dump(mode="json")
    return digest_json(
        {
            "activations": layers,
            "numbers": numbers,
            "overhead": overhead,
            "tensors": tensors,
            "windows": windows,
        }
    )


def policy_record(compiled: Compiled, name: str, bar: BarIR) -> PolicyRecord:
    """The record of the policy as compiled and of its bar ``name``, resolved to ``bar``."""
    return PolicyRecord(
        name=compiled.name,
        version=compiled.version,
        bar=name,
        bar_digest=bar.digest,
        policy_digest=compiled.ir.digest,
        source_digest=compiled.source_digest,
    )


def check_binding(evidence: Evidence, bar: BarIR) -> None:
    """Check that ``evidence`` was taken for ``bar``: its contract and its schedule follow from it.

    Raises :class:`VerificationFault` E408 or E407.
    """
    header = evidence.header
    contract, schedule = demanded(
        bar, header.data.digest, header.schedule.beacon, header.schedule.look
    )
    if header.contract != contract:
        raise VerificationFault(
            "E408", "the evidence was taken under another contract than the bar's", _HINT
        )
    if header.schedule != schedule:
        raise VerificationFault(
            "E407", "the schedule does not follow from the bar and the data", _HINT
        )


def _tokenizer(header: Header) -> Digest | None:
    facts = header.baseline.tokenizer
    return None if facts is None else digest_json(facts.model_dump(mode="json"))


def _differing(baseline: Iterable[FileRecord], subject: Iterable[FileRecord]) -> tuple[str, ...]:
    """Files of the tokenizer that one arm alone has, or that differ in their bytes."""
    one, other = (
        {(file.path, file.digest) for file in files if file.path in TOKENIZER_FILES}
        for files in (baseline, subject)
    )
    return tuple(sorted({path for path, _ in one ^ other}))


def _model(arm: Arm, root: Digest, files: Iterable[FileRecord]) -> ModelRecord:
    """The record of a folder, whose files must give the root digest in the evidence."""
    records = tuple(
        ModelFile(path=file.path, size=file.size, digest=file.digest, loaded=is_loaded(file.path))
        for file in sorted(files, key=lambda file: file.path)
    )
    entries = [FileEntry(f.path, f.size, f.digest, f.loaded) for f in records]
    if root_digest(entries) != root:
        raise VerificationFault(
            "E403", f"the {arm}'s files do not give the root digest in the evidence", _HINT
        )
    oms = oms_digest((file.path, file.digest) for file in records)
    return ModelRecord(digest=root, oms=oms, files=records)


def _baseline(root: Digest | None, files: tuple[FileRecord, ...]) -> ModelRecord | None:
    if root is not None:
        return _model("baseline", root, files)
    if files:
        raise VerificationFault(
            "E403", "files of a baseline that the evidence does not name", _HINT
        )
    return None


def _named(root: Digest | None) -> Digest:
    if root is None:
        raise VerificationFault("E405", "the evidence names no subject", _HINT)
    return root


def _text(values: Values, key: Key) -> str | None:
    point = values.get(key).point
    return None if point is None else decimal_text(point)


def _primary(verdict: Verdict) -> bool:
    primary = [
        gate.verdict == "pass"
        for gate in verdict.gates
        if gate.measure in _PRIMARY and gate.level == "require"
    ]
    return bool(primary) and all(primary)


def _gates(verdict: Verdict, spans: Mapping[str, Span]) -> Iterable[ReportedGate]:
    for gate in verdict.gates:
        if gate.id not in spans:
            raise VerificationFault("E405", f"no place in the source for gate `{gate.id}`", _HINT)
        yield ReportedGate(**dict(gate), span=spans[gate.id])
