"""The bill of materials of models, tokenizer and data: a pure function of the report.

It depends on nothing that lists it: neither on the report's digest nor on the run's files, but for
the software's own bill, which is written first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from invarlock.bom.document import SBOM_FILE, Version, bom, hashes, listed, properties
from invarlock.canonical import Json
from invarlock.evidence.schema import Arm, Digest
from invarlock.judge.records import FileRecord, ModelRecord, Report
from invarlock.judge.report import TOKENIZER_FILES

_ATTESTATION: Final = "attestation.sigstore.json"
_REPORT: Final = "evaluation.report.json"
_NO_NUMBERS: Final = frozenset({"word", "digest", "signer"})
_TARGET: Final = re.compile(r'^(?P<type>\S+) on "?(?P<slice>.*?)"?$')


def mlbom_of(report: Report, version: Version, sbom: Digest | None) -> dict[str, Json]:
    """The ML-BOM of the run of ``report``, which refers to its software by the digest ``sbom``."""
    tokenizer = sorted(f.path for f in report.subject.files if f.path in TOKENIZER_FILES)
    others: list[Json] = [_data(report)]
    needs: list[Json] = [{"ref": "data"}]
    if report.baseline is not None:
        others.append(_model("baseline", report.names.baseline, report.baseline))
        needs.append({"ref": "baseline"})
    if tokenizer:
        others.append(_tokenizer(report))
        needs.append({"ref": "tokenizer", "dependsOn": [f"subject/{path}" for path in tokenizer]})
    subject = _model("subject", report.names.subject, report.subject) | {
        "externalReferences": _references(sbom),
        "modelCard": _card(report),
    }
    needs.append({"ref": "subject", **({"dependsOn": ["tokenizer"]} if tokenizer else {})})
    return bom(
        version,
        created=report.created,
        tool=report.tool.version,
        component=subject,
        components=others,
        dependencies=needs,
    )


def _model(arm: Arm, name: str, model: ModelRecord) -> dict[str, Json]:
    """A model folder: by its root digest, which is that of no file, and by its files."""
    return {
        "bom-ref": arm,
        "type": "machine-learning-model",
        "name": _short(name),
        "hashes": hashes(model.digest),
        "components": [_file(arm, file) for file in model.files],
        "properties": properties(role=arm, digest__root=model.digest, digest__oms=model.oms),
    }


def _file(arm: Arm, file: FileRecord) -> Json:
    return {
        "bom-ref": f"{arm}/{file.path}",
        "type": "file",
        "name": file.path,
        "hashes": hashes(file.digest),
        "properties": properties(size=str(file.size)),
    }


def _data(report: Report) -> Json:
    """What was measured on. Of an import, the digest is that of a set of documents, of no file."""
    data = report.data
    counted = properties(
        digest__data=data.digest,
        documents=str(data.documents),
        windows=str(data.windows),
        schedule__seed=report.seeds.schedule,
    )
    component: dict[str, Json] = {
        "bom-ref": "data",
        "type": "data",
        "name": _short(report.names.data),
        "data": [{"type": "dataset", "name": "evaluation data"}],
        "properties": counted,
    }
    return component if report.logs is not None else component | {"hashes": hashes(data.digest)}


def _tokenizer(report: Report) -> Json:
    return {
        "bom-ref": "tokenizer",
        "type": "data",
        "name": "tokenizer",
        "data": [{"type": "configuration", "name": "tokenizer"}],
        "properties": properties(
            digest__meaning=report.tokenizer_hash,
            differing_files=" ".join(report.tokenizer_files),
        ),
    }


def _references(sbom: Digest | None) -> list[Json]:
    found: list[Json] = [
        {"type": "attestation", "url": _ATTESTATION},
        {"type": "quality-metrics", "url": _REPORT},
    ]
    if sbom is not None:
        found.append({"type": "bom", "url": SBOM_FILE, "hashes": hashes(sbom)})
    return found


def _card(report: Report) -> Json:
    policy = report.policy
    facts = {
        "verdict": report.verdict,
        "origin": report.origin,
        "policy": f"{policy.name} {policy.version}",
        "policy.bar": policy.bar,
        "policy.bar_digest": policy.bar_digest,
        "measurement_contract": report.measurement_contract_hash,
        "digest.evidence": report.evidence_digest,
        "digest.windows": report.merkle_root,
        **{f"gate:{g.level} {g.id}": f"{g.bound}: {g.verdict}" for g in report.gates},
    }
    return {
        "bom-ref": "subject/model-card",
        "modelParameters": {"task": report.contract.task, "datasets": [{"ref": "data"}]},
        "quantitativeAnalysis": {"performanceMetrics": list(_metrics(report))},
        "properties": listed(facts),
    }


def _metrics(report: Report) -> Iterator[Json]:
    """What was observed for each gate on a number, with its interval; once for two on one thing."""
    seen: set[str] = set()
    for gate in report.gates:
        if gate.observed is None or gate.unit in _NO_NUMBERS or gate.id in seen:
            continue
        seen.add(gate.id)
        split = _TARGET.match(gate.id)
        metric: dict[str, Json] = {
            "type": split["type"] if split else gate.id,
            "value": gate.observed,
        }
        if split:
            metric["slice"] = split["slice"]
        if gate.interval is not None:
            low, high = gate.interval
            metric["confidenceInterval"] = {"lowerBound": low, "upperBound": high}
        yield metric


def _short(name: str) -> str:
    """What a folder is called, without where it lay."""
    return PurePosixPath(name).name or name or "unnamed"
