"""Attacks on the statement, the report, and the files of a run, by whoever holds a trusted key or
none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from invarlock.canonical import canonical_bytes, digest_bytes
from tests.verify.attacks.desk import BUNDLE, REPORT, Attack, Desk
from tests.verify.runs import case, documents, refresh, report_of, signed

Json = Any
OTHER = "5" * 64
ONE_BYTE = {"size": 1, "digest": "sha256:" + OTHER}


def put(path: str, value: Any) -> Callable[[Json], None]:
    """Set what ``path`` names, such as ``predicate.gates.0.verdict``."""

    def change(document: Json) -> None:
        *way, last = path.split(".")
        for step in way:
            document = document[int(step) if step.isdigit() else step]
        document[int(last) if last.isdigit() else last] = value

    return change


def gate(name: str, field: str, value: Any, under: str = "predicate") -> Callable[[Json], None]:
    """Set ``field`` of the gate ``name``."""

    def change(document: Json) -> None:
        gates = document[under]["gates"] if under else document["gates"]
        next(one for one in gates if one["id"] == name)[field] = value

    return change


def _passing(under: str) -> Callable[[Json], None]:
    """Every gate passes, and so does the whole."""

    def change(document: Json) -> None:
        top = document[under] if under else document
        top["verdict"] = "pass"
        for one in top["gates"]:
            one["verdict"] = "pass" if one["verdict"] != "pending" else "pending"

    return change


def _hasty(desk: Desk, name: str, data: bytes) -> None:
    files, report = refresh({**desk.files, name: data}, json.loads(desk.report))
    desk.publish(files, report, signed(report))


def _numbers(desk: Desk) -> bytes:
    """The subject's losses, each a thousandth of a nat lower."""
    import numpy as np

    rows = case().rows
    numbers = np.frombuffer(desk.files["evidence/subject.i64"], "<i8").reshape(-1, rows).copy()
    numbers[0] -= 1_000_000
    return numbers.tobytes()


def _windows(desk: Desk, change: Callable[[list[Json]], object]) -> bytes:
    windows = desk.document("evidence/windows.json")
    change(windows)
    return canonical_bytes(windows)


def _manifest(desk: Desk, change: Callable[[Json], object]) -> bytes:
    manifest = desk.document("runtime.manifest.json")
    change(manifest)
    return canonical_bytes(manifest)


def _weaker_ir(desk: Desk) -> bytes:
    bar = desk.document("policy/bar.ir.json")
    next(one for one in bar["gates"] if one["measure"] == "perplexity.ratio")["relation"][
        "high"
    ] = "9"
    return canonical_bytes(bar)


def _add_file(record: Json) -> Callable[[Json], None]:
    return lambda s: s["predicate"]["files"].append(record)


def _duplicate(key: bytes, payload: bytes) -> bytes:
    """The same JSON with its first ``key`` twice."""
    at = payload.index(key)
    return payload[:at] + key + b'"pass",' + payload[at:]


def _stranger(desk: Desk) -> None:
    files = {**desk.files, "policy/include/house.invar": b"invar 1\n"}
    report = report_of(files).encode()
    desk.publish(files, report, signed(report))


def _link(desk: Desk) -> None:
    path = desk.run / "evidence" / "windows.json"
    path.rename(desk.root / "elsewhere")
    path.symlink_to(desk.root / "elsewhere")


def _other_run(desk: Desk) -> None:
    """A passing run's bundle over a failing run's files."""
    bundle = (desk.run / BUNDLE).read_bytes()
    files = documents(case(worse=0.4))
    report = report_of(files).encode()
    desk.publish(files, report, signed(report))
    desk.swap(BUNDLE, bundle)
    assert digest_bytes(report) not in bundle.decode()


STATEMENT = (
    Attack("verdict flipped, signature kept",
           lambda d: d.tampered(put("predicate.verdict", "pass")),
           "E401", "the signature is not by", worse=0.4),
    Attack("verdict flipped and signed again", lambda d: d.resign(put("predicate.verdict", "pass")),
           "E404", "statement: `predicate.verdict`", worse=0.4),
    Attack("every gate turned to pass and signed again", lambda d: d.resign(_passing("predicate")),
           "E404", "statement: `predicate.gates[7].verdict`", worse=0.4),
    Attack("a warning turned to pass", lambda d: d.resign(gate("kl.mean", "verdict", "pass")),
           "E404", "statement: `predicate.gates[4].verdict`", worse=0.4),
    Attack("an observed number bettered",
           lambda d: d.resign(gate("perplexity.ratio", "observed", "1")),
           "E404", "statement: `predicate.gates[7].observed`"),
    Attack("an interval narrowed",
           lambda d: d.resign(gate("perplexity.ratio", "interval", ["1", "1"])),
           "E404", "statement: `predicate.gates[7].interval[0]`"),
    Attack("a bound loosened", lambda d: d.resign(gate("perplexity.ratio", "bound", "<= 9")),
           "E404", "statement: `predicate.gates[7].bound`"),
    Attack("a gate left out", lambda d: d.resign(lambda s: s["predicate"]["gates"].pop()),
           "E404", "statement: `predicate.gates[25]`"),
    Attack("the bar's digest exchanged",
           lambda d: d.resign(put("predicate.policy.bar_digest", "sha256:" + OTHER)),
           "E404", "statement: `predicate.policy.bar_digest`"),
    Attack("the policy's source digest exchanged",
           lambda d: d.resign(put("predicate.policy.source_digest", "sha256:" + OTHER)),
           "E404", "statement: `predicate.policy.source_digest`"),
    Attack("the schedule's seed exchanged",
           lambda d: d.resign(put("predicate.seeds.schedule", "sha256:" + OTHER)),
           "E404", "statement: `predicate.seeds.schedule`"),
    Attack("the Merkle root exchanged",
           lambda d: d.resign(put("predicate.merkle_root", "sha256:" + OTHER)),
           "E404", "statement: `predicate.merkle_root`"),
    Attack("the measurement contract exchanged",
           lambda d: d.resign(put("predicate.measurement_contract_hash", "sha256:" + OTHER)),
           "E404", "statement: `predicate.measurement_contract_hash`"),
    Attack("the evidence's digest exchanged",
           lambda d: d.resign(put("predicate.evidence_digest", "sha256:" + OTHER)),
           "E404", "statement: `predicate.evidence_digest`"),
    Attack("the origin exchanged", lambda d: d.resign(put("predicate.origin", "imported")),
           "E404", "statement: `predicate.origin`"),
    Attack("the isolation misstated",
           lambda d: d.resign(put("predicate.runtime.isolation", "host")),
           "E404", "statement: `predicate.runtime.isolation`"),
    Attack("the data's digest exchanged",
           lambda d: d.resign(put("predicate.data.digest", "sha256:" + OTHER)),
           "E404", "statement: `predicate.data.digest`"),
    Attack("the in-toto subject exchanged",
           lambda d: d.resign(put("subject.0.digest.sha256", OTHER)),
           "E403", "the statement's subject is not the subject of its predicate"),
    Attack("the predicate's subject exchanged",
           lambda d: d.resign(put("predicate.subject.digest", "sha256:" + OTHER)),
           "E403", "`subject.digest` is not the root of the files listed"),
    Attack("two subjects", lambda d: d.resign(lambda s: s["subject"].append(s["subject"][0])),
           "E405", "`subject` tuple should have at most 1 item"),
    Attack("an unknown field", lambda d: d.resign(put("predicate.passed", True)),
           "E405", "`predicate.passed`"),
    Attack("a field left out", lambda d: d.resign(lambda s: s["predicate"].pop("runtime")),
           "E405", "`predicate.runtime`"),
    Attack("another predicate type",
           lambda d: d.resign(put("predicateType", "https://slsa.dev/provenance/v1")),
           "E402", "`predicateType`"),
    Attack("another statement type",
           lambda d: d.resign(put("_type", "https://in-toto.io/Statement/v0.1")),
           "E402", "`_type`"),
    Attack("a file of the run unlisted",
           lambda d: d.resign(lambda s: s["predicate"]["files"].pop(0)),
           "E405", "the statement does not list"),
    Attack("a file listed twice",
           lambda d: d.resign(lambda s: s["predicate"]["files"].append(s["predicate"]["files"][0])),
           "E405", "lists `evidence/baseline.activations.json` twice"),
    Attack("a path that leaves the run",
           lambda d: d.resign(_add_file({**ONE_BYTE, "path": "../key"})),
           "E405", "no plain relative path"),
    Attack("the report listed among its own files",
           lambda d: d.resign(_add_file({**ONE_BYTE, "path": REPORT})),
           "E405", "among the report's files"),
    Attack("files of more bytes than anyone reads",
           lambda d: d.resign(_add_file({**ONE_BYTE, "path": "x", "size": 2**40})),
           "E405", "the files listed exceed"),
)  # fmt: skip

ENVELOPE = (
    Attack("another payload type",
           lambda d: d.rewrite(put("dsseEnvelope.payloadType", "text/plain")),
           "E401", "the signature is not by"),
    Attack("the signature left out", lambda d: d.rewrite(put("dsseEnvelope.signatures", [])),
           "E405", "`dsseEnvelope.signatures` list should have at least 1 item"),
    Attack("a second signature beside the first",
           lambda d: d.rewrite(lambda b: b["dsseEnvelope"]["signatures"].append({"sig": ""})),
           "E405", "`dsseEnvelope.signatures` list should have at most 1 item"),
    Attack("the signature cut short",
           lambda d: d.rewrite(put("dsseEnvelope.signatures.0.sig", "MA==")),
           "E401", "the signature is not by"),
    Attack("a certificate's bundle under a key",
           lambda d: d.rewrite(put("verificationMaterial", {"certificate": {"rawBytes": ""},
                                                            "tlogEntries": []})),
           "E406", "carries a certificate"),
    Attack("a key that travels in the bundle",
           lambda d: d.rewrite(put("verificationMaterial.publicKey.rawBytes", "AAAA")),
           "E405", "rawBytes"),
    Attack("a log entry that nobody checks",
           lambda d: d.rewrite(put("verificationMaterial.tlogEntries", [{"logIndex": "1"}])),
           "E405", "tlogEntries"),
    Attack("another kind of bundle",
           lambda d: d.rewrite(put("mediaType", "application/vnd.dev.sigstore.bundle")),
           "E402", "its media type is `application/vnd.dev.sigstore.bundle`"),
    Attack("the same key twice in the payload",
           lambda d: d.raw(_duplicate(b'"verdict":', canonical_bytes(d.statement))),
           "E402", "the payload is not strict JSON: duplicate key `verdict`"),
    Attack("the same key twice in the bundle",
           lambda d: d.swap(BUNDLE, b'{"mediaType":"x",' + (d.run / BUNDLE).read_bytes()[1:]),
           "E402", "not a Sigstore bundle v0.3: not strict JSON: duplicate key `mediaType`"),
    Attack("deep nesting in the payload", lambda d: d.raw(b"[" * 200_000),
           "E402", "the payload is not strict JSON: nested deeper than"),
    Attack("deep nesting in the bundle", lambda d: d.swap(BUNDLE, b"[" * 200_000),
           "E402", "not a Sigstore bundle v0.3: not strict JSON: nested deeper than"),
    Attack("a payload of 100 MB",
           lambda d: d.raw(b'{"_type":"' + b"x" * 100_000_000 + b'"}'),
           "E402", "larger than"),
    Attack("a number that is none in the payload",
           lambda d: d.raw(canonical_bytes(d.statement).replace(b'"final":', b'"final":NaN,"x":')
                           if b'"final":' in canonical_bytes(d.statement)
                           else canonical_bytes(d.statement)[:-1] + b',"x":NaN}'),
           "E402", "NaN is not a JSON number"),
)  # fmt: skip

RUN = (
    Attack("report altered, nothing signed",
           lambda d: d.swap(REPORT, d.report.replace(b'"verdict":"fail"', b'"verdict":"pass"')),
           "E403", f"`{REPORT}` is not the file that was signed", worse=0.4),
    Attack("report altered and signed", lambda d: d.rereport(_passing("")),
           "E404", "report: `gates[7].verdict`", worse=0.4),
    Attack("the acceptable word of the report flipped",
           lambda d: d.rereport(put("validation.primary_metric_acceptable", True)),
           "E404", "report: `validation.primary_metric_acceptable`", worse=0.4),
    Attack("the report's bound loosened",
           lambda d: d.rereport(gate("perplexity.ratio", "bound", "<= 9", under="")),
           "E404", "report: `gates[7].bound`"),
    Attack("evidence altered, nothing signed",
           lambda d: d.swap("evidence/subject.i64", _numbers(d)),
           "E403", "`evidence/subject.i64` is not the file that was signed"),
    Attack("evidence altered, digests made to fit and signed",
           lambda d: _hasty(d, "evidence/subject.i64", _numbers(d)),
           "E404", "Δp does not follow"),
    Attack("a window of another schedule",
           lambda d: _hasty(d, "evidence/windows.json",
                            _windows(d, lambda w: w[0].update(start=w[0]["start"] + 1))),
           "E404", "report: `window_overlap_fraction`"),
    Attack("windows left out",
           lambda d: _hasty(d, "evidence/windows.json", _windows(d, lambda w: w.pop())),
           "E405", "`windows.u32` has 2376 bytes instead of 2340"),
    Attack("manifest altered, nothing signed",
           lambda d: d.swap("runtime.manifest.json",
                            _manifest(d, put("requested.execution_mode", "host"))),
           "E403", "`runtime.manifest.json` is not the file that was signed"),
    Attack("an open connection signed as closed",
           lambda d: _hasty(d, "runtime.manifest.json",
                            _manifest(d, lambda m: m["arms"]["subject"][0]["observed_inside"]
                                      ["connect"].update(dict.fromkeys(
                                          m["arms"]["subject"][0]["observed_inside"]["connect"],
                                          "open")))),
           "E404", "report: `runtime.network`"),
    Attack("a file that entered the boundary concealed",
           lambda d: _hasty(d, "runtime.manifest.json",
                            _manifest(d, lambda m: m["arms"]["subject"][0]["inputs"].pop())),
           "E404", "runtime.manifest.json: `arms.subject[0].inputs[13]`"),
    Attack("bar IR altered, nothing signed", lambda d: d.swap("policy/bar.ir.json", _weaker_ir(d)),
           "E403", "`policy/bar.ir.json` is not the file that was signed"),
    Attack("bar IR weakened, digests made to fit and signed",
           lambda d: _hasty(d, "policy/bar.ir.json", _weaker_ir(d)),
           "E404", "policy/bar.ir.json: `gates[7].relation.high`"),
    Attack("policy source weakened, digests made to fit and signed",
           lambda d: _hasty(d, "policy/source.invar",
                            d.files["policy/source.invar"].replace(b"<= 1.10", b"<= 1.90")),
           "E404", "policy/policy.ir.json: `bars.balanced.gates[6].relation.high`"),
    Attack("a file included that the policy does not include",
           _stranger, "E405", "does not include `policy/include/house.invar`"),
    Attack("a file of the run that is a link", _link,
           "E403", "`evidence/windows.json` is a link or special file"),
    Attack("a file of the run taken away",
           lambda d: (d.run / "evidence" / "windows.u32").unlink(),
           "E409", "`evidence/windows.u32` is not in", 3),
    Attack("the attestation of another run of the same model", _other_run,
           "E404", 'statement: `predicate.verdict`: found "pass", expected "fail"'),
)  # fmt: skip
