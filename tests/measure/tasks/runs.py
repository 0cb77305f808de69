"""Both arms of any task in this process, and what they leave as evidence that a verifier reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from invarlock.canonical import digest_bytes
from invarlock.evidence import store
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import (
    PART_FILES,
    ArmFacts,
    Contract,
    DataFacts,
    Header,
    Schedule,
    Window,
)
from invarlock.measure.arm import run_arm
from invarlock.measure.job import ArmAnswer, ArmJob, Span
from invarlock.policy.floors import masked_tokens
from tests.builders import SANDBOXED
from tests.measure.arms import HANDED_OVER, SEED, contract, lay_out
from tests.measure.tiny import write_data
from tests.measure.tiny_tasks import lines_of

SCHEDULE = Schedule(seed=SEED, preview=4, final=20)


def contract_for(task: str, length: int = 16) -> Contract:
    """The contract of ``task``; ``chat`` is a causal language model on chats."""
    plain = contract(length)
    name = "causal_lm" if task == "chat" else task
    masks = {"masked": masked_tokens(length), "masks": "shake256"} if task == "masked_lm" else {}
    content = "chat" if task == "chat" else "text"
    windows = plain.windows.model_copy(update={"content": content, **masks})
    return plain.model_copy(update={"task": name, "windows": windows})


def evidence_of(
    place: Path,
    task: str,
    baseline: Path,
    subject: Path,
    *,
    lines: list[dict[str, Any]] | None = None,
    length: int = 16,
    span: Span | None = None,
) -> Evidence:
    """What both arms measure, written as evidence and read as a verifier reads it."""
    terms = contract_for(task, length)
    data = write_data(place / "data.jsonl", lines or lines_of(task))
    rest: dict[str, Any] = {"contract": terms, "schedule": SCHEDULE, "threads": 1, "span": span}
    first = lay_out(place / "baseline", {"model": baseline, "data.jsonl": data})
    one = run_arm(ArmJob(arm="baseline", **rest), first)
    links = {"model": subject, "baseline": baseline, "data.jsonl": data}
    links |= {name: first.out / name for name in HANDED_OVER}
    second = lay_out(place / "subject", links)
    two = run_arm(ArmJob(arm="subject", drawn=True, **rest), second)
    parts = {name: (first.out / name).read_bytes() for name in HANDED_OVER if "hidden" not in name}
    for name in PART_FILES:
        own = first.out if name.startswith("baseline") else second.out
        if name not in parts:
            parts[name] = (own / name).read_bytes()
    windows = [Window.model_validate_json(json.dumps(w)) for w in json.loads(parts["windows.json"])]
    assert two.subject_ids is not None
    pairs = zip(windows, two.subject_ids, strict=True)
    parts["windows.json"] = store.encode_windows(
        [window.model_copy(update={"subject_id": other}) for window, other in pairs]
    )
    return store.read_evidence(sealed(parts, terms, one, two), SANDBOXED)


def sealed(
    parts: dict[str, bytes], terms: Contract, one: ArmAnswer, two: ArmAnswer
) -> dict[str, bytes]:
    """The evidence's files, header and all."""
    assert one.data is not None
    assert one.tokenizer is not None
    assert two.tokenizer is not None
    some = digest_bytes(b"some")
    header = Header(
        origin="measured",
        contract=terms,
        schedule=SCHEDULE,
        data=DataFacts(digest=some, documents=one.data.documents, windows=one.data.windows),
        baseline=ArmFacts(root=some, tokenizer=one.tokenizer, device="cpu"),
        subject=ArmFacts(root=some, tokenizer=two.tokenizer, device="cpu"),
        parts=store.part_digests(parts),
    )
    return {**parts, "evidence.json": store.encode_header(header)}


def noisy(scale: float = 0.15) -> Any:
    """An edit that adds noise to every matrix."""

    def edit(tensors: dict[str, np.ndarray[Any, Any]]) -> None:
        draw = np.random.default_rng(1)
        for name, array in tensors.items():
            if array.ndim == 2 and array.dtype == np.float32:
                tensors[name] = array + draw.normal(0, scale, array.shape).astype(np.float32)

    return edit
