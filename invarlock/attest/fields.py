"""The class of every field that is signed, directly or through a digest.

``recomputed``: the verifier derives the field again and refuses any other value.
``bound``: a digest under the signature covers it, and what the verifier recomputes depends on it
or an artifact at hand is compared with it. ``declared``: covered by the signature, and otherwise
the signer's word; where a part of it is bound, such as whether a trial says `open`, its row names
that part, and the rest moves nothing.

The tables of ``attest/evaluation-v1.md`` are generated from this one, tests walk the JSON Schemas
and fail on a field without a class, and property tests change every field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

FieldClass = Literal["recomputed", "bound", "declared"]


@dataclass(frozen=True, slots=True)
class Field:
    """The class of a field, and how the verifier treats it."""

    kind: FieldClass
    how: str


def _recomputed(how: str) -> Field:
    return Field("recomputed", how)


def _bound(how: str) -> Field:
    return Field("bound", how)


def _declared(how: str) -> Field:
    return Field("declared", how)


_FIXED: Final = _recomputed("fixed by this version")
_POLICY: Final = _recomputed("compiled again from `policy/source.invar` and `policy/include/`")
_JUDGE: Final = _recomputed("by the judge, from evidence and bar")
_RUNTIME: Final = _recomputed("from the observations in the manifest, the worst boundary first")
_CONTRACT: Final = _recomputed("from the bar")
_SUBJECT: Final = _bound("the subject's folder: exact set of files, or its root digest")
_OMS: Final = _recomputed("from the digests of the files listed, as `model_signing` does")
_BASELINE: Final = _bound("the baseline's folder, when given or pinned by the consumer's bar")
_DATA: Final = _bound("the data file, when given or pinned; the schedule's seed depends on it")
_FILES: Final = _bound("the run's files")
_HEADER: Final = _recomputed("equals the evidence header")
_COPIED: Final = _bound("the report's is rebuilt from it; by itself the signer's word")
_FAMILY: Final = _recomputed("from the name")
_TOKENIZER: Final = _bound("`tokenizer.same` and `tokenizer_hash` are recomputed from it")
_TRIAL: Final = _declared(
    "bound is whether it denies: `runtime.isolation` is recomputed from that; which error is the "
    "host's word"
)
_CONNECT: Final = _declared(
    "bound is whether it denies: `runtime.isolation` and `runtime.network` are recomputed from "
    "that; which error is the host's word"
)
_ISOLATION: Final = _bound("`runtime.isolation` is recomputed from it")
_NETWORK: Final = _bound("`runtime.isolation` and `runtime.network` are recomputed from it")
_HOST: Final = _declared("the host's word")
_MATRIX: Final = _bound("`spectral.shift`, the guards and `content_digest` are recomputed from it")
_DRIFT: Final = _bound("`rows.*`, `spectral.*` and `content_digest` are recomputed from it")
_TIMES: Final = _bound(
    "`overhead.time` and `content_digest` are recomputed from it; by itself the signer's word"
)
_LAYER: Final = _bound("`rmt.growth` and `content_digest` are recomputed from it")
_STRUCTURE: Final = _bound("`invariants.structure` and `content_digest` are recomputed from it")

_SHARED: Final[dict[str, Field]] = {
    "version": _FIXED,
    "created": _declared("the producer's clock; it proves no order of events"),
    "timings": _declared("wall time in seconds"),
    "tool": _declared("what wrote the report"),
    "verdict": _JUDGE,
    "policy": _POLICY,
    "policy.bar": _recomputed("names the bar that is compiled; another name is another bar"),
    "resolved_policy": _POLICY,
    "measurement_contract_hash": _CONTRACT,
    "seeds.schedule": _recomputed("from bar digest, data digest and beacon"),
    "seeds.beacon": _HEADER,
    "seeds.bootstrap": _CONTRACT,
    "subject": _SUBJECT,
    "subject.oms": _OMS,
    "subject.files[].loaded": _recomputed("from the file's name"),
    "baseline": _BASELINE,
    "baseline.oms": _OMS,
    "baseline.files[].loaded": _recomputed("from the file's name"),
    "look.reached": _recomputed("by how many of the planned windows are there"),
    "look.of": _recomputed("from the bar"),
    "look.final": _recomputed("counted in the windows that are there"),
    "look.planned": _recomputed("the smallest that the bar allows"),
    "tokenizer_hash": _recomputed("from the baseline's tokenizer facts in the header"),
    "data.digest": _DATA,
    "data.documents": _HEADER,
    "data.windows": _HEADER,
    "origin": _HEADER,
    "logs": _HEADER,
    "runtime": _RUNTIME,
    "gates": _JUDGE,
    "gates[].span": _POLICY,
    "evidence_digest": _bound("`evidence/evidence.json`"),
    "merkle_root": _recomputed("over all windows, with their token ids and their numbers"),
    "files": _FILES,
}

FIELDS: Final[dict[str, dict[str, Field]]] = {
    "statement": {
        "_type": _FIXED,
        "predicateType": _FIXED,
        "subject[].name": _declared("what the producer called the model"),
        "subject[].digest.sha256": _SUBJECT,
        **{f"predicate.{path}": field for path, field in _SHARED.items()},
        "predicate.report.path": _FIXED,
        "predicate.report.digest": _bound("`evaluation.report.json`"),
        "predicate.bom.mlbom": _bound("`mlbom.cdx.json`, which is built again from the report"),
        "predicate.bom.sbom": _bound(
            "`sbom.cdx.json`; what is installed is the host's word, the rest is built again from "
            "report and manifest"
        ),
    },
    "report": {
        **_SHARED,
        "names": _declared("paths or names as the producer typed them"),
        "packages": _declared("versions of packages that measured"),
        "kernels": _declared("what chose the kernels: processor, libraries, GPU"),
        "threads": _declared("threads of one boundary"),
        "contract": _CONTRACT,
        "device": _HEADER,
        "tokenizer_files": _recomputed("from the files of both models"),
        "provider_digest": _recomputed("from the window ids"),
        "window_match_fraction": _JUDGE,
        "window_overlap_fraction": _JUDGE,
        "validation": _JUDGE,
        "guards": _JUDGE,
        "content_digest": _recomputed("from every window, tensor and number of `evidence/`"),
    },
    "runtime-manifest": {
        "version": _FIXED,
        "work": _bound("what evidence holds, and what each boundary was given, follow from it"),
        "requested.execution_mode": _declared("a wish; what counts was observed"),
        "requested.network": _bound("`runtime.network` is recomputed from it"),
        "requested.remote_code": _bound("`runtime.remote_code` is recomputed from it"),
        "requested.pickle": _bound("`runtime.pickle` is recomputed from it"),
        "requested.plugins": _bound("`runtime.plugins` is recomputed from it"),
        "arms.*[].reused": _HOST,
        "arms.*[].bytes_binding": _HOST,
        "arms.*[].inputs[]": _recomputed("from the loaded files of both models"),
        "arms.*[].observed_inside": _ISOLATION,
        "arms.*[].observed_inside.user": _declared(
            "bound is whether it is 0: `runtime.isolation` is recomputed from that; which other "
            "is the host's word"
        ),
        "arms.*[].observed_inside.interfaces[]": _NETWORK,
        "arms.*[].observed_inside.routes": _NETWORK,
        "arms.*[].observed_inside.connect": _CONNECT,
        "arms.*[].observed_inside.write": _TRIAL,
        "arms.*[].observed_inside.read": _TRIAL,
        "arms.*[].observed_inside.nested_user_namespace": _TRIAL,
        "arms.*[].observed_inside.limits": _HOST,
        "arms.*[].observed_inside.environment[]": _HOST,
        "arms.*[].observed_outside": _ISOLATION,
        "arms.*[].observed_outside.interfaces[]": _NETWORK,
        "arms.*[].observed_outside.routes": _NETWORK,
        "arms.*[].observed_outside.capabilities.bounding": _HOST,
        "arms.*[].observed_outside.writable[]": _declared(
            "bound is whether the sandbox may write there: `runtime.isolation` is recomputed from "
            "that; which of those places is the host's word"
        ),
        "arms.*[].refused": _HOST,
        "arms.*[].tool": _HOST,
    },
    "evidence-header": {
        "version": _FIXED,
        "origin": _bound("whether there is a runtime, a tokenizer and tensors follows from it"),
        "logs": _COPIED,
        "contract": _CONTRACT,
        "schedule.seed": _recomputed("from bar digest, data digest and beacon"),
        "schedule.beacon.value": _bound(
            "the beacon, when given; the schedule's seed depends on it"
        ),
        "schedule.beacon.source": _COPIED,
        "schedule.preview": _recomputed("the smallest that the bar allows"),
        "schedule.final": _recomputed("the smallest that the bar allows"),
        "schedule.look": _recomputed("by how many of the planned windows are there"),
        "data.digest": _DATA,
        "data.documents": _COPIED,
        "data.windows": _COPIED,
        "baseline.root": _BASELINE,
        "baseline.tokenizer": _TOKENIZER,
        "subject.tokenizer.ids": _bound(
            "`tokenizer.same` and `invariants.vocabulary` are recomputed from it"
        ),
        "baseline.device": _COPIED,
        "subject.root": _SUBJECT,
        "subject.tokenizer": _TOKENIZER,
        "subject.device": _COPIED,
        "parts": _bound("the other files of `evidence/`"),
    },
    "evidence-windows": {
        "[].id": _recomputed("from the window's token ids, and where they say less, its rows"),
        "[].subject_id": _bound("`windows.match` and `content_digest` are recomputed from it"),
        "[].phase": _recomputed("from the schedule"),
        "[].document": _bound(
            "intervals over documents and `content_digest` are recomputed from it; it stands in "
            "the data file, when given"
        ),
        "[].slice": _bound(
            "measures `on` the slice and `content_digest` are recomputed from it; it is the "
            "document's in the data file, when given"
        ),
        "[].start": _bound("`windows.overlap` and `content_digest` are recomputed from it"),
        "[].length": _bound("`windows.u32` holds as many token ids; the contract limits it"),
        "[].rows": _bound("`positions.u32` holds as many positions; fixed by task and contract"),
        "[].answer": _recomputed("part of what the window's id covers; null where rows are tokens"),
        "[].sizes[]": _bound(
            "accuracy normalised by bytes and `content_digest` are recomputed from it"
        ),
    },
    "evidence-tensors": {
        "[].name": _STRUCTURE,
        "[].family": _FAMILY,
        "[].shape[]": _STRUCTURE,
        "[].dtype": _bound("`invariants.dtype` and `content_digest` are recomputed from it"),
        "[].non_finite": _bound(
            "`invariants.non_finite` and `content_digest` are recomputed from it"
        ),
        "[].spectrum": _MATRIX,
        "[].log_sigma": _MATRIX,
        "[].log_norm": _bound(
            "`spectral.stable_rank`, `rows.norm` and `content_digest` are recomputed from it"
        ),
        "[].twin": _bound("`invariants.tied` and `content_digest` are recomputed from it"),
        "[].outliers": _bound("`rmt.outliers` and `content_digest` are recomputed from it"),
        "[].drift": _DRIFT,
        "[].drift.cosine": _bound("`content_digest` is recomputed from it, and no measure"),
        "[].change": _bound("`invariants.vectors` and `content_digest` are recomputed from it"),
    },
    "evidence-activations": {
        "[].name": _LAYER,
        "[].family": _FAMILY,
        "[].tokens": _recomputed("from the contract and the schedule"),
        "[].features": _LAYER,
        "[].spectrum": _LAYER,
        "[].risk": _LAYER,
        "[].log_spread": _bound("`variance.*` and `content_digest` are recomputed from it"),
    },
    "evidence-overhead": {
        "guarded": _TIMES,
        "bare": _TIMES,
    },
    "bar-ir": {"": _POLICY},
    "policy-ir": {"": _POLICY},
}
"""Document → path → class. A path stands for all below it that have no entry of their own."""


def field_of(document: str, path: str) -> Field:
    """The class of ``path``, such as ``gates[].span.line``. Raises :class:`KeyError` for none."""
    table = FIELDS[document]
    fitting = [prefix for prefix in table if _covers(prefix, path)]
    if not fitting:
        raise KeyError(f"{document}: {path}")
    return table[max(fitting, key=len)]


def _covers(prefix: str, path: str) -> bool:
    return path.startswith(prefix) and (
        prefix == "" or len(path) == len(prefix) or path[len(prefix)] in ".["
    )
