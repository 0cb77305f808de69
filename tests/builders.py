"""Synthetic bars and evidence for tests: complete, valid ``evidence/`` folders made of bytes.

Nothing here is measured; the numbers come from a seeded generator, so that tests can state what
the judge must make of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from invarlock.artifacts.folder import FileEntry, root_digest
from invarlock.canonical import NANO, canonical_bytes, digest_bytes
from invarlock.evidence import store
from invarlock.evidence.activations import guard_windows
from invarlock.evidence.families import family_of
from invarlock.evidence.layout import Layout, whole_runs
from invarlock.evidence.looks import look_ends
from invarlock.evidence.model import Evidence
from invarlock.evidence.schedule import draw, schedule_seed, window_id
from invarlock.evidence.schema import (
    Activation,
    ArmFacts,
    Beacon,
    DataFacts,
    Drift,
    Header,
    Overhead,
    RuntimeFacts,
    Schedule,
    Tensor,
    TokenizerFacts,
    Window,
)
from invarlock.judge.contract import contract_of, schedule_of
from invarlock.judge.records import Span
from invarlock.judge.report import (
    Declared,
    FileRecord,
    Names,
    PolicyRecord,
    ReportInputs,
    Tool,
)
from invarlock.judge.sources import SOURCE_FILE
from invarlock.policy.catalogue import SETTINGS
from invarlock.policy.ir import BarIR, Gate, Interval, Member, Target

Columns = dict[str, NDArray[np.int64]]
COLUMNS = ("baseline_loss", "loss", "kl", "delta_p", "top1")

PASSES = Overhead(guarded=(1_500_000_000,), bare=(1_000_000_000, 1_400_000_000))
SANDBOXED = RuntimeFacts(
    isolation="sandbox", network="off", remote_code="off", pickle="off", plugins="off"
)
DATA = b"".join(
    canonical_bytes({"id": f"doc-{n:04d}", "slice": ("prose", "verse")[n % 2], "text": f"part {n}"})
    + b"\n"
    for n in range(24)
)
"""The documents that :class:`Synthetic` names, twenty-four of them."""
DATA_DIGEST = digest_bytes(DATA)
BASELINE_FILES = (
    FileRecord(path="config.json", size=2, digest=digest_bytes(b"{}")),
    FileRecord(path="model.safetensors", size=8, digest=digest_bytes(b"baseline")),
    FileRecord(path="tokenizer.json", size=2, digest=digest_bytes(b"{}")),
)
SUBJECT_FILES = (
    FileRecord(path="config.json", size=2, digest=digest_bytes(b"{}")),
    FileRecord(path="model.safetensors", size=7, digest=digest_bytes(b"subject")),
    FileRecord(path="tokenizer.json", size=3, digest=digest_bytes(b"{ }")),
)


def root_of(files: Sequence[FileRecord]) -> str:
    """The root digest of a folder with these files."""
    return root_digest([FileEntry(f.path, f.size, f.digest, True) for f in files])


# --- bars ----------------------------------------------------------------------------------------


def target(on: str | None, kind: Literal["slice", "family", "each"] = "slice") -> Target | None:
    return None if on is None else Target(kind=kind, name=on)


def at_most(measure: str, high: str, **rest: Any) -> Gate:
    return _gate(measure, Interval(high=high), **rest)


def at_least(measure: str, low: str, **rest: Any) -> Gate:
    return _gate(measure, Interval(low=low), **rest)


def between(measure: str, low: str, high: str, **rest: Any) -> Gate:
    return _gate(measure, Interval(low=low, high=high), **rest)


def one_of(measure: str, *values: str, **rest: Any) -> Gate:
    return _gate(measure, Member(values=tuple(sorted(values))), **rest)


def _gate(
    measure: str,
    relation: Interval | Member,
    *,
    on: Target | None = None,
    level: Literal["require", "warn"] = "require",
    statistic: Literal["estimate", "point"] = "estimate",
) -> Gate:
    return Gate(measure=measure, relation=relation, target=on, level=level, statistic=statistic)


def make_bar(*gates: Gate, final: int = 24, preview: int = 12, **settings: str) -> BarIR:
    """A bar with floors under its windows; settings are the defaults but for ``settings``, whose
    dots are spelled ``__`` (``windows__length="8"``)."""
    chosen = {name: setting.default for name, setting in SETTINGS.items()}
    chosen |= {"windows.length": "9", "estimate.minimum": "8"}
    chosen |= {name.replace("__", "."): text for name, text in settings.items()}
    floors = (at_least("windows.final", str(final)), at_least("windows.preview", str(preview)))
    ordered = tuple(sorted((*floors, *gates), key=lambda gate: gate.id))
    return BarIR(task="causal_lm", settings=chosen, gates=ordered)


def standard_bar(**rest: Any) -> BarIR:
    """A bar with a gate of every kind, which identical arms pass."""
    return make_bar(
        at_most("perplexity.ratio", "1.1"),
        at_most("perplexity.ratio", "1.2", on=target("prose")),
        between("perplexity.drift", "0.9", "1.1"),
        at_most("perplexity.tail.p95", "0.2"),
        at_most("kl.mean", "0.05"),
        at_most("kl.p99", "0.5"),
        at_least("delta_p.mean", "-1"),
        at_most("delta_p.rms", "5"),
        at_least("top1.agreement", "0.9"),
        between("invariants.non_finite", "0", "0"),
        between("invariants.structure", "0", "0"),
        at_most("spectral.shift", "0.05", on=target("family", "each")),
        between("windows.match", "1", "1"),
        between("windows.overlap", "0", "0"),
        at_least("estimate.resamples", "400"),
        one_of("tokenizer.same", "yes"),
        one_of("runtime.isolation", "sandbox"),
        one_of("runtime.network", "off"),
        one_of("evidence.origin", "measured"),
        **rest,
    )


# --- numbers -------------------------------------------------------------------------------------


def identical(rows: int, seed: int = 1) -> Columns:
    """Numbers of two arms that agree in everything."""
    loss = np.random.default_rng(seed).integers(NANO, 5 * NANO, rows)
    zeros = np.zeros(rows, dtype=np.int64)
    return {
        "baseline_loss": loss,
        "loss": loss.copy(),
        "kl": zeros,
        "delta_p": zeros.copy(),
        "top1": np.ones(rows, dtype=np.int64),
    }


def edited(rows: int, seed: int = 1, *, worse: float = 0.02, noise: float = 0.02) -> Columns:
    """Numbers of a subject whose log-loss is ``worse`` nats a token higher, give or take."""
    rng = np.random.default_rng(seed)
    columns = identical(rows, seed)
    change = (rng.normal(worse, noise, rows) * NANO).round().astype(np.int64)
    columns["loss"] = columns["baseline_loss"] + change
    columns["delta_p"] = delta_p_of(columns["baseline_loss"], columns["loss"])
    # More than the least KL that two such probabilities leave: 2·Δp², by Pinsker's inequality.
    columns["kl"] = np.abs(change) // 8 + 4 * columns["delta_p"] ** 2 // NANO
    columns["top1"] = (rng.random(rows) > noise).astype(np.int64)
    return columns


def delta_p_of(baseline: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """The change of the true token's probability that two columns of log-losses make."""
    return ((np.exp(-subject / NANO) - np.exp(-baseline / NANO)) * NANO).round().astype(np.int64)


STILL = Drift(
    turned_rows=0,
    turned_columns=0,
    cosine=NANO,
    row_low=0,
    row_high=0,
    column_low=0,
    column_high=0,
)
"""The drift of a matrix that is the baseline's."""


def make_tensor(name: str, **changes: Any) -> Tensor:
    """A measured matrix of shape (16, 8) in the baseline, but for ``changes``."""
    record: dict[str, Any] = {
        "name": name,
        "family": family_of(name),
        "shape": (16, 8),
        "dtype": "F32",
        "non_finite": 0,
        "spectrum": "measured",
        "log_sigma": 0,
        "log_norm": 500_000_000,
        "outliers": 1,
        "twin": None,
        "drift": None,
        "change": None,
    }
    return Tensor(**{**record, **changes})


def make_tensors(shift: int = 0) -> tuple[Tensor, ...]:
    """The baseline's tensors of a small model; every ln σ₁ is moved by ``shift`` units of 1e-9."""
    matrices = (
        ("model.embed_tokens.weight", 900_000_000),
        ("model.layers.0.mlp.up_proj.weight", 1_200_000_000),
        ("model.layers.0.self_attn.q_proj.weight", -300_000_000),
    )
    found = [
        make_tensor(
            name,
            log_sigma=sigma + shift,
            log_norm=sigma + shift + 500_000_000,
        )
        for name, sigma in matrices
    ]
    nothing = {"log_sigma": None, "log_norm": None, "outliers": None}
    norm = make_tensor("model.norm.weight", shape=(8,), spectrum="vector", **nothing)
    return (*found, norm)


def of_subject(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The records that a subject with these tensors of its baseline has."""
    return tuple(
        tensor.model_copy(update={"change": 0} if tensor.spectrum == "vector" else {"drift": STILL})
        for tensor in tensors
    )


def make_subject_tensors(shift: int = 0) -> tuple[Tensor, ...]:
    """The subject's tensors beside :func:`make_tensors`."""
    return of_subject(make_tensors(shift))


def make_activations(tokens: int = 64, growth: int = 0) -> tuple[Activation, ...]:
    """Layers of the same model over guard windows of so many scored ``tokens``; every edge risk is
    ``growth`` units of 1e-9 above a plausible one."""
    layers = (
        ("model.embed_tokens", 2_000_000_000),
        ("model.layers.0.mlp.down_proj", 1_700_000_000),
        ("model.layers.0.mlp.up_proj", 1_500_000_000),
        ("model.layers.0.self_attn.q_proj", 1_800_000_000),
    )
    return tuple(
        Activation(
            name=name,
            family=family_of(name),
            tokens=tokens,
            features=64,
            spectrum="measured",
            risk=risk + growth,
            log_spread=-500_000_000,
        )
        for name, risk in layers
    )


# --- evidence ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Synthetic:
    """A recipe for evidence. ``columns`` defaults to :func:`identical`.

    Documents hold ``per_document`` windows each, by turns of the slices ``slices``.
    """

    bar: BarIR = field(default_factory=standard_bar)
    documents: int = 15
    per_document: int = 3
    slices: tuple[str | None, ...] = ("prose", "verse")
    columns: Mapping[str, NDArray[np.int64]] | None = None
    baseline_tensors: tuple[Tensor, ...] = field(default_factory=make_tensors)
    subject_tensors: tuple[Tensor, ...] = field(default_factory=make_subject_tensors)
    baseline_activations: tuple[Activation, ...] | None = None
    subject_activations: tuple[Activation, ...] | None = None
    scaled: NDArray[np.int64] | None = None
    overhead: Overhead = PASSES
    seed: int = 1
    beacon: Beacon | None = None
    look: int | None = None

    @property
    def scored(self) -> int:
        """Tokens scored in one window."""
        return int(self.bar.settings["windows.length"]) - 1

    @property
    def windows(self) -> int:
        """Windows drawn."""
        schedule = self._schedule()
        looks = int(self.bar.settings["estimate.looks"])
        if schedule.look == looks:
            return schedule.preview + schedule.final
        return look_ends(schedule.final, looks)[schedule.look - 1]

    @property
    def rows(self) -> int:
        """Length of every column."""
        return self.windows * self.scored

    def edited(self, **rest: Any) -> Synthetic:
        """The same with a slightly worse subject."""
        return replace(self, columns=edited(self.rows, self.seed, **rest))

    def with_column(self, name: str, column: NDArray[np.int64]) -> Synthetic:
        """The same with one column replaced."""
        columns = self.columns or identical(self.rows, self.seed)
        return replace(self, columns={**columns, name: column})

    def files(self) -> dict[str, bytes]:
        """The bytes of the ``evidence/`` folder."""
        windows, layout = self._drawn()
        columns = self.columns or identical(self.rows, self.seed)
        parts = {
            "windows.json": store.encode_windows(windows),
            "windows.u32": store.encode_u32(layout.tokens),
            "positions.u32": store.encode_u32(layout.positions),
            "baseline.i64": store.encode_columns(columns["baseline_loss"]),
            "subject.i64": store.encode_columns(*(columns[name] for name in COLUMNS[1:])),
            "baseline.tensors.json": store.encode_tensors(self.baseline_tensors),
            "subject.tensors.json": store.encode_tensors(self.subject_tensors),
            "baseline.activations.json": self._layers(self.baseline_activations),
            "subject.activations.json": self._layers(self.subject_activations),
            "guards.i64": self._again(columns["loss"]),
            "overhead.json": store.encode_overhead(self.overhead),
        }
        return {**parts, "evidence.json": store.encode_header(self._header(parts))}

    def evidence(self, runtime: RuntimeFacts = SANDBOXED) -> Evidence:
        """The evidence as a verifier reads it; with columns of any numbers, though, even such as
        no two models give and the reader refuses: a measure is tested one column at a time."""
        readable = store.read_evidence(replace(self, columns=None).files(), runtime)
        columns = dict(self.columns or {})
        if "loss" in columns:
            again = columns["loss"][: self._guard_rows()]
            columns |= {"bare": again, "scaled": again if self.scaled is None else self.scaled}
        return replace(readable, **columns)

    def _schedule(self) -> Schedule:
        seed = schedule_seed(self.bar.digest, DATA_DIGEST, self.beacon)
        return schedule_of(self.bar, seed, self.beacon, self.look)

    def _guard_rows(self) -> int:
        return guard_windows(contract_of(self.bar), self._schedule()) * self.scored

    def _again(self, loss: NDArray[np.int64]) -> bytes:
        """The guard windows scored again as they were; scaled, as ``scaled`` says, or alike."""
        bare = loss[: self._guard_rows()]
        return store.encode_columns(bare, bare if self.scaled is None else self.scaled)

    def _layers(self, given: tuple[Activation, ...] | None) -> bytes:
        layers = make_activations(self._guard_rows()) if given is None else given
        return store.encode_activations(layers)

    def _drawn(self) -> tuple[list[Window], Layout]:
        length = self.scored + 1
        offered = self.documents * self.per_document
        rng = np.random.default_rng(self.seed)
        tokens = rng.integers(0, 50_000, (offered, length), dtype=np.uint32)
        ids = [window_id(row.tolist()) for row in tokens]
        schedule = self._schedule()
        drawn = draw(schedule, ids)[: self.windows]
        windows = []
        for order, position in enumerate(drawn):
            # By order, not by position: how many documents are drawn must not hang on the digest
            # of the bar, which orders the windows.
            turn, document = divmod(order, self.documents)
            windows.append(
                Window(
                    id=ids[position],
                    subject_id=ids[position],
                    phase="final" if order < schedule.final else "preview",
                    document=f"doc-{document:04d}",
                    slice=self.slices[document % len(self.slices)],
                    start=turn * length,
                    length=length,
                    rows=self.scored,
                )
            )
        return windows, whole_runs(tokens[list(drawn)])

    def _header(self, parts: Mapping[str, bytes]) -> Header:
        one = digest_bytes(b"tokenizer")
        tokenizer = TokenizerFacts(ids=16, vocabulary=one, merges=one, specials=one, template=one)
        return Header(
            origin="measured",
            contract=contract_of(self.bar),
            schedule=self._schedule(),
            data=DataFacts(
                digest=DATA_DIGEST,
                documents=self.documents,
                windows=self.documents * self.per_document,
            ),
            baseline=ArmFacts(root=root_of(BASELINE_FILES), tokenizer=tokenizer, device="cpu"),
            subject=ArmFacts(root=root_of(SUBJECT_FILES), tokenizer=tokenizer, device="cpu"),
            parts=store.part_digests(parts),
        )


def sealed(files: Mapping[str, bytes], **changed: bytes) -> dict[str, bytes]:
    """``files`` with parts replaced (dots of their names spelled ``__``) and the header's digests
    made to fit, as a forger would."""
    out = {**files, **{name.replace("__", "."): data for name, data in changed.items()}}
    header = json.loads(out["evidence.json"])
    header["parts"] = {name: digest_bytes(out[name]) for name in sorted(header["parts"])}
    return {**out, "evidence.json": canonical_bytes(header)}


# --- reports -------------------------------------------------------------------------------------


def make_declared() -> Declared:
    return Declared(
        created="2026-01-02T03:04:05Z",
        tool=Tool(version="0.1.0"),
        names=Names(baseline="base", subject="edit", data="data.jsonl", policy="p.invar"),
        packages={"numpy": "2.4.6"},
        kernels={"cpu": "AVX2"},
        threads=2,
        timings={"baseline": "1.5", "subject": "2.25"},
    )


def report_inputs(case: Synthetic, files: Mapping[str, bytes] | None = None) -> ReportInputs:
    """Inputs of a report over ``case``; ``files`` stand in for its own evidence bytes."""
    found = dict(files) if files is not None else case.files()
    one = digest_bytes(b"policy")
    return ReportInputs(
        evidence=store.read_evidence(found, SANDBOXED),
        policy=PolicyRecord(
            name="test",
            version="1.0.0",
            bar="balanced",
            bar_digest=case.bar.digest,
            policy_digest=one,
            source_digest=one,
        ),
        bar=case.bar,
        spans={
            gate.id: Span(file=SOURCE_FILE, line=line, column=1)
            for line, gate in enumerate(case.bar.gates, start=1)
        },
        baseline_files=BASELINE_FILES,
        subject_files=SUBJECT_FILES,
        run_files=tuple(
            FileRecord(path=f"evidence/{name}", size=len(data), digest=digest_bytes(data))
            for name, data in sorted(found.items())
        ),
        declared=make_declared(),
    )


def nano(text: str) -> int:
    """Decimal text as a fixed-point number."""
    return int(Decimal(text) * NANO)
