"""Whoever changes a single field and signs it with a trusted key is refused.

Three forgers. The *lazy* one changes a field and signs. The *hasty* one also makes every digest
fit, up to the statement. The *consistent* one builds everything again from forged evidence: what
that one may do is what the specification declares, and what no recomputation sees.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from invarlock.attest.fields import FIELDS, field_of
from invarlock.canonical import NANO, canonical_bytes, digest_bytes
from invarlock.errors import EXIT_PASS, EXIT_VERIFICATION
from invarlock.evidence.store import encode_columns
from invarlock.judge.records import Report
from invarlock.policy import compile_policy
from scripts.generate_schemas import DOCUMENTS, leaves, schema
from tests.builders import edited
from tests.verify.runs import (
    ASKING,
    BAR,
    BEACON,
    Documents,
    Scene,
    case,
    documents,
    fitting_boms,
    make_scene,
    records,
    refresh,
    relisted,
    report_of,
    signed,
    with_boms,
)

REPORT = "evaluation.report.json"
BOMS = {"mlbom.cdx.json", "sbom.cdx.json"}
FILES = {
    "report": (REPORT,),
    "runtime-manifest": ("runtime.manifest.json",),
    "evidence-header": ("evidence/evidence.json",),
    "evidence-windows": ("evidence/windows.json",),
    "evidence-activations": (
        "evidence/baseline.activations.json",
        "evidence/subject.activations.json",
    ),
    "evidence-overhead": ("evidence/overhead.json",),
    "evidence-tensors": ("evidence/baseline.tensors.json", "evidence/subject.tensors.json"),
    "bar-ir": ("policy/bar.ir.json",),
    "policy-ir": ("policy/policy.ir.json",),
}
LEAVES = [
    (document, file, leaf)
    for document, files in FILES.items()
    for file in files
    for leaf in leaves(schema(document))
    if not (file.endswith("baseline.tensors.json") and ".drift." in leaf)  # the subject's alone
    if not leaf.startswith("logs.")  # of imported evidence alone: tests/e2e/test_import.py
    if leaf != "[].sizes[]"  # of choices alone: tests/evidence
]
SPELLED = [
    "pass", "fail", "incomplete", "require", "warn", "host", "sandbox", "on", "off", "open",
    "no", "yes", "preview", "final", "ffn", "attn", "other", "prose", "estimate", "point",
    "slice", "family", "zero", "measured", "vector", "ratio", "sealed", "verified-twice",
    "spectral", "invariants", "ungated", "imported", "import", "1", "9.5", "0",
    "2026-02-02T00:00:00Z",
]  # fmt: skip
ILL_FITTING = [[], {}, 0.5, "\u0000 no such word", -(2**70)]
"""Values of which every leaf refuses some."""
PARTLY = {
    "observed_inside.user": ([1000], [0]),
    "observed_inside.connect.*": (["EACCES", "ENETUNREACH"], ["open", "TimeoutError"]),
    "observed_inside.write.*": (["EACCES", "ENOENT"], ["open", "exit 9"]),
    "observed_inside.read.*": (["EACCES", "EPERM"], ["open", "OSError"]),
    "observed_inside.nested_user_namespace": (["ENOSPC", "EINVAL"], ["open", "exit 9"]),
    "observed_outside.writable[]": (["/dev/shm", "/dev/pts"], ["/usr", "/home"]),
}
"""Declared but for a part that is bound: values that leave the part alone, values that do not."""
OTHER_DIGEST = "sha256:" + "5" * 64


class Desk:
    """An honest run with what is needed to forge it again and again."""

    def __init__(self, root: Path) -> None:
        self.scene: Scene = make_scene(root)
        (root / "bar.invar").write_bytes(ASKING)
        policy = compile_policy(ASKING, filename="source.invar")
        self.files: Documents = documents(replace(case(policy=policy), beacon=BEACON), policy)
        self.report = report_of(self.files).encode()
        self.bar = policy.bar(*BAR)[1].digest

    def document(self, file: str) -> Any:
        return json.loads(self.report if file == REPORT else self.files[file])

    def lazy(self, file: str, data: bytes) -> int:
        """Change one file; statement and digests stay."""
        files = self.files if file == REPORT else {**self.files, file: data}
        report = data if file == REPORT else self.report
        return self._verify(files, report, signed(self.report))

    def hasty(self, file: str, data: bytes) -> int:
        """Change one file, make all digests fit, attest."""
        if file == REPORT:
            files = fitting_boms(self.files, data)
            report = json.loads(data)
            if files is not self.files and report["files"] == json.loads(self.report)["files"]:
                data = relisted(files, report)
            return self._verify(files, data, self._statement(data))
        files, report = refresh({**self.files, file: data}, json.loads(self.report))
        if file == "evidence/evidence.json" or file in BOMS:  # a change of what refreshing writes
            files = {**files, file: data}
            report = self._relist(files, json.loads(self.report))
        return self._verify(files, report, signed(report))

    def consistent(self, files: Documents) -> int:
        """Build bills, report and statement again from forged files."""
        files = with_boms(files)
        report = report_of(files).encode()
        return self._verify(files, report, signed(report))

    def _statement(self, report: bytes) -> bytes:
        """What `attest` signs; of a report that is none, the honest one's with its digest."""
        if fits("report", json.loads(report)):
            return signed(report)
        honest = json.loads(signed(self.report))
        honest["predicate"]["report"]["digest"] = digest_bytes(report)
        return canonical_bytes(honest)

    def _relist(self, files: Documents, report: dict[str, Any]) -> bytes:
        report["evidence_digest"] = digest_bytes(files["evidence/evidence.json"])
        report["files"] = [record.model_dump(mode="json") for record in records(files)]
        return canonical_bytes(report)

    def _verify(self, files: Documents, report: bytes, statement: bytes) -> int:
        self.scene.publish(files, report, statement)
        result = self.scene.verify(policy=None, policy_digest=self.bar, beacon=BEACON.value)
        if result.exit_code == EXIT_VERIFICATION:
            assert result.verdict is None
            assert all(f.code and f.what for f in result.findings if f.kind == "refused")
            assert any(f.kind == "refused" for f in result.findings)
        return result.exit_code


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def places(document: Any, leaf: str) -> list[tuple[str | int, ...]]:
    """Every place in ``document`` that a path such as ``gates[].span.line`` stands for."""
    steps = [s for s in leaf.replace("[]", ".[]").split(".") if s]
    return list(_places(document, steps))


def _places(node: Any, steps: list[str]) -> Iterator[tuple[str | int, ...]]:
    if not steps:
        yield ()
        return
    step, rest = steps[0], steps[1:]
    keys: list[str | int] = []
    if step == "[]" and isinstance(node, list):
        keys = list(range(len(node)))
    elif step == "*" and isinstance(node, dict):
        keys = list(node)
    elif isinstance(node, dict) and step in node:
        keys = [step]
    for key in keys:
        for tail in _places(node[key], rest):
            yield (key, *tail)


def put(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """``document`` with one value replaced."""
    if not place:
        return value
    copy = document.copy()
    copy[place[0]] = put(document[place[0]], place[1:], value)
    return copy


def at(document: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        document = document[step]
    return document


def others(value: Any) -> list[Any]:
    """Values of the same kind that are not ``value``."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, value + NANO]
    if isinstance(value, str) and value.startswith("sha256:"):
        return [OTHER_DIGEST]
    return [word for word in SPELLED if word != value]


def fits(name: str, document: Any) -> bool:
    """Whether a document fits its schema, and has a canonical form."""
    try:
        DOCUMENTS[name].validate_json(json.dumps(document))
        canonical_bytes(document)
    except (ValidationError, TypeError):
        return False
    return True


def changes(name: str, document: Any, leaf: str) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """For first and last place of ``leaf``: every document of :func:`others` that fits."""
    found = places(document, leaf)
    for place in dict.fromkeys([*found[:1], *found[-1:]]):
        for value in others(at(document, place)):
            changed = put(document, place, value)
            if fits(name, changed):
                yield place, changed


def anything(value: Any) -> st.SearchStrategy[Any]:
    """Values of the same kind, of any size and spelling."""
    if isinstance(value, bool):
        return st.just(not value)
    if isinstance(value, int):
        return st.integers(-(2**53), 2**53) | st.integers(value - 9, value + 9)
    if isinstance(value, str) and value.startswith("sha256:"):
        return st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
    if value is None:
        return st.integers(0, 9) | st.sampled_from(SPELLED)
    return st.sampled_from(SPELLED) | st.text(st.characters(codec="ascii"), max_size=9)


def partly(document: str, leaf: str) -> tuple[list[Any], list[Any]] | None:
    """What :data:`PARTLY` says of a leaf."""
    tail = leaf.removeprefix("arms.*[].")
    return PARTLY.get(tail) if document == "runtime-manifest" else None


def concrete(document: str, place: tuple[str | int, ...]) -> str:
    """The path of a place, as the specification spells it."""
    out = ""
    for step in place:
        out += "[]" if isinstance(step, int) else f".{step}" if out else step
    if document == "runtime-manifest":
        out = out.replace("arms.baseline", "arms.*").replace("arms.subject", "arms.*")
    return out


def test_the_honest_run_passes(desk: Desk) -> None:
    desk.scene.publish(desk.files, desk.report, signed(desk.report))
    result = desk.scene.verify(beacon=BEACON.value)
    assert (result.exit_code, result.outcome, result.findings) == (EXIT_PASS, "pass", ())


def test_the_synthetic_run_shows_every_field(desk: Desk) -> None:
    absent = {
        (document, leaf) for document, file, leaf in LEAVES if not places(desk.document(file), leaf)
    }
    assert absent == set()


@pytest.mark.parametrize(
    ("file", "leaf"),
    [pytest.param(file, leaf, id=f"{document}-{file}-{leaf}") for document, file, leaf in LEAVES],
)
def test_no_field_can_be_changed_alone(desk: Desk, file: str, leaf: str) -> None:
    before = desk.document(file)
    place = places(before, leaf)[0]
    for value in others(at(before, place))[:1]:
        assert desk.lazy(file, canonical_bytes(put(before, place, value))) == EXIT_VERIFICATION


CHECKED = [(d, f, leaf) for d, f, leaf in LEAVES if field_of(d, leaf).kind != "declared"]


@pytest.mark.parametrize(("document", "file", "leaf"), CHECKED)
def test_no_field_can_be_changed_with_all_digests_made_to_fit(
    desk: Desk, document: str, file: str, leaf: str
) -> None:
    """Every value that fits is tried at the first and last place; none where none other fits."""
    before = desk.document(file)
    tried = 0
    for place, changed in changes(document, before, leaf):
        if field_of(document, concrete(document, place)).kind != "declared":
            found = desk.hasty(file, canonical_bytes(changed))
            assert found == EXIT_VERIFICATION, (place, at(changed, place))
            tried += 1
    place = places(before, leaf)[0]
    for value in ILL_FITTING:
        changed = put(before, place, value)
        if not fits(document, changed):
            found = desk.hasty(file, json.dumps(changed).encode())
            assert found == EXIT_VERIFICATION, (place, value)
            tried += 1
            break
    assert tried


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_value_anywhere_can_be_changed_with_all_digests_made_to_fit(
    desk: Desk, data: st.DataObject
) -> None:
    """Any place of any leaf, any value of its kind."""
    document, file, leaf = data.draw(st.sampled_from(CHECKED))
    before = desk.document(file)
    place = data.draw(st.sampled_from(places(before, leaf)))
    assume(field_of(document, concrete(document, place)).kind != "declared")
    value = data.draw(anything(at(before, place)))
    assume(value != at(before, place))
    changed = put(before, place, value)
    assert desk.hasty(file, json.dumps(changed).encode()) == EXIT_VERIFICATION


@pytest.mark.parametrize("tail", PARTLY)
@pytest.mark.parametrize("arm", ["baseline", "subject"])
def test_the_bound_part_of_a_declared_field_cannot_be_changed(
    desk: Desk, arm: str, tail: str
) -> None:
    file = "runtime.manifest.json"
    before = desk.document(file)
    assert field_of("runtime-manifest", f"arms.*[].{tail}").how.startswith("bound is whether")
    for place in places(before, f"arms.{arm}[].{tail}"):
        for value in PARTLY[tail][1]:
            changed = canonical_bytes(put(before, place, value))
            assert desk.hasty(file, changed) == EXIT_VERIFICATION, (place, value)


STATEMENT = [leaf for leaf in leaves(schema("statement")) if ".logs." not in leaf]


@pytest.mark.parametrize("leaf", STATEMENT)
def test_no_field_of_the_statement_can_be_changed(desk: Desk, leaf: str) -> None:
    before = json.loads(signed(desk.report))
    place = places(before, leaf)[0]
    for value in others(at(before, place))[:3]:
        changed = canonical_bytes(put(before, place, value))
        assert desk._verify(desk.files, desk.report, changed) == EXIT_VERIFICATION


NUMBERS = [
    (name, column)
    for name, columns in (("baseline", 1), ("subject", 4))
    for column in range(columns)
]


@pytest.mark.parametrize(("arm", "column"), NUMBERS)
def test_no_number_can_be_changed_with_all_digests_made_to_fit(
    desk: Desk, arm: str, column: int
) -> None:
    file = f"evidence/{arm}.i64"
    rows = case().rows
    numbers = np.frombuffer(desk.files[file], dtype="<i8").reshape(-1, rows).copy()
    agreement = column == 3
    numbers[column, 0] += 1 - 2 * numbers[column, 0] if agreement else 1  # one billionth
    forged = numbers.tobytes()
    assert desk.lazy(file, forged) == EXIT_VERIFICATION
    assert desk.hasty(file, forged) == EXIT_VERIFICATION


def test_no_token_can_be_changed(desk: Desk) -> None:
    tokens = bytearray(desk.files["evidence/windows.u32"])
    tokens[0] ^= 1
    assert desk.lazy("evidence/windows.u32", bytes(tokens)) == EXIT_VERIFICATION
    assert desk.hasty("evidence/windows.u32", bytes(tokens)) == EXIT_VERIFICATION


def test_the_policys_source_cannot_be_changed(desk: Desk) -> None:
    source = desk.files["policy/source.invar"]
    for changed in (
        source.replace(b"<= 1.10", b"<= 1.90"),
        source + b"# a comment\n",
        b"",
        b"\xff",
    ):
        assert desk.lazy("policy/source.invar", changed) == EXIT_VERIFICATION
        assert desk.hasty("policy/source.invar", changed) == EXIT_VERIFICATION


MANGLED = [b"", b"{}", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 5000, b'{"a":1,"a":1}', b"NaN"]


@pytest.mark.parametrize("data", MANGLED, ids=[repr(data[:12]) for data in MANGLED])
def test_mangled_files_are_refused_and_nothing_breaks(desk: Desk, data: bytes) -> None:
    for file in (*desk.files, REPORT):
        assert desk.lazy(file, data) == EXIT_VERIFICATION
        if file not in {REPORT, "evidence/evidence.json"}:
            assert desk.hasty(file, data) == EXIT_VERIFICATION


@pytest.mark.parametrize("document", FILES)
def test_no_field_can_be_added_or_left_out(desk: Desk, document: str) -> None:
    file = FILES[document][0]
    whole = desk.document(file)
    top = whole[0] if isinstance(whole, list) else whole
    forged = [{**top, "passed": True}, {k: v for k, v in top.items() if k != next(iter(top))}]
    for value in forged:
        data = canonical_bytes([value, *whole[1:]] if isinstance(whole, list) else value)
        assert desk.lazy(file, data) == EXIT_VERIFICATION
        if file != REPORT:  # `attest` signs no malformed report
            assert desk.hasty(file, data) == EXIT_VERIFICATION


DECLARED = [
    (document, file, leaf)
    for document, file, leaf in LEAVES
    if field_of(document, leaf).kind == "declared"
]


@pytest.mark.parametrize(("document", "file", "leaf"), DECLARED)
def test_what_is_declared_is_the_signers_word(
    desk: Desk, document: str, file: str, leaf: str
) -> None:
    """Nothing is called declared that the verifier could check: forged consistently, it passes."""
    before = desk.document(file)
    part = partly(document, leaf)
    found = (
        changes(document, before, leaf)
        if part is None
        else ((place, put(before, place, v)) for place in places(before, leaf) for v in part[0])
    )
    tried = 0
    for _, changed in islice(found, 6):
        data = canonical_bytes(changed)
        if file == REPORT:
            files = with_boms(desk.files, Report.model_validate_json(data))
            data = relisted(files, json.loads(data))
            assert desk._verify(files, data, signed(data)) == EXIT_PASS
        else:
            assert desk.consistent({**desk.files, file: data}) == EXIT_PASS
        tried += 1
    if not tried:  # a declared name that this version fixes
        place = places(before, leaf)[0]
        changed = put(before, place, "no such word")
        assert not fits(document, changed)
        assert desk.hasty(file, canonical_bytes(changed)) == EXIT_VERIFICATION


def test_evidence_forged_consistently_is_what_this_level_cannot_see(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    bad = case(worse=0.4)
    honest = documents(bad)
    report = report_of(honest).encode()
    scene.publish(honest, report, signed(report))
    assert scene.verify().outcome == "fail"

    numbers = edited(bad.rows, worse=0.01)
    forged = encode_columns(*(numbers[name] for name in ("loss", "kl", "delta_p", "top1")))
    files, hasty = refresh({**honest, "evidence/subject.i64": forged}, json.loads(report))
    scene.publish(files, hasty, signed(hasty))
    assert scene.verify().outcome == "refused"

    files = with_boms(files)
    consistent = report_of(files).encode()
    scene.publish(files, consistent, signed(consistent))
    result = scene.verify()
    assert result.outcome == "pass"
    assert "cannot see evidence that the signer forged consistently" in result.limits


def test_every_document_of_the_contract_is_forged_here() -> None:
    assert {*FILES, "statement"} == FIELDS.keys()
