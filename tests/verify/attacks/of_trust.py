"""Attacks on what the consumer names: keys, bars, weights, data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from invarlock.attest.attest_run import attest_run
from invarlock.attest.keys import KeyType, new_key
from invarlock.policy import compile_policy
from tests.verify.attacks.desk import BUNDLE, Attack, Desk
from tests.verify.runs import BAR, POLICY, case, documents, report_of, signed

Changes = Mapping[str, Any]


def _signed_by(desk: Desk, kind: KeyType) -> None:
    new_key(desk.root / "stranger", kind)
    (desk.run / BUNDLE).unlink()
    attest_run(desk.run, desk.root / "stranger")


def _key_beside(desk: Desk) -> Changes:
    """The stranger's key lies in the run and in the model; the consumer names his own."""
    _signed_by(desk, KeyType.P256)
    for folder in (desk.run, desk.run / "evidence"):
        shutil.copy(desk.root / "stranger.pub", folder / "key.pub")
    return {}


def _disallowed(desk: Desk) -> Changes:
    """Signed by a key that the consumer has, and that his bar does not allow to sign."""
    _signed_by(desk, KeyType.ED25519)
    return {"keys": (desk.root / "key.pub", desk.root / "stranger.pub")}


def _pinned(_: Desk) -> Changes:
    return {
        "policy": None,
        "policy_digest": compile_policy(POLICY, filename="x").bar(*BAR)[1].digest,
    }


def _weaker(source: bytes) -> bytes:
    return (
        source.replace(b"<= 1.10", b"<= 9")
        .replace(b"<= 1.20", b"<= 9")
        .replace(b"<= 0.20 nats", b"<= 9 nats")
    )


def _under(desk: Desk, source: bytes, of: tuple[str, str] = BAR) -> Changes:
    """A failing model's run under another policy of the same name, or another of its bars, honest
    otherwise."""
    policy = compile_policy(source, filename="source.invar")
    files = documents(case(worse=0.4, policy=policy, of=of), policy, of)
    report = report_of(files, of).encode()
    desk.publish(files, report, signed(report))
    return {}


LAX = POLICY + b"tier lax { require perplexity.ratio <= 9 }\n"
"""The policy with a further tier that nearly everything clears."""
LOOSE = POLICY + b"profile loose { require windows.final >= 30; require windows.preview >= 30 }\n"
"""The policy with a further profile that asks for less evidence."""


def _weights(desk: Desk) -> None:
    (desk.root / "subject" / "model.safetensors").write_bytes(b"other weights")


def _all_but_one(desk: Desk) -> Changes:
    other = desk.root / "sibling"
    shutil.copytree(desk.root / "subject", other)
    (other / "config.json").write_bytes(b'{"x":1}')
    return {"subject": other}


def _rename(desk: Desk) -> None:
    folder = desk.root / "subject"
    (folder / "tokenizer.json").rename(folder / "tokeniser.json")


def _bar_of(desk: Desk, find: bytes, become: bytes) -> Changes:
    """The run is made for the bar so changed; the consumer's stands."""
    assert find in POLICY
    return _under(desk, POLICY.replace(find, become))


SIGNER = (
    Attack("a P-256 key that nobody trusts", lambda d: _signed_by(d, KeyType.P256),
           "E401", "the signature is not by"),
    Attack("an Ed25519 key that nobody trusts", lambda d: _signed_by(d, KeyType.ED25519),
           "E401", "the signature is not by"),
    Attack("a key that travels with the run", _key_beside, "E401", "the signature is not by"),
    Attack("a key that the consumer's bar does not allow", _disallowed,
           "signature.by", "the signer is not allowed", 1),
)  # fmt: skip

BARS = (
    Attack("a weaker bar under the same name, pinned",
           lambda d: {**_under(d, _weaker(POLICY)), **_pinned(d)},
           "E411", "`balanced+dev` is not the one pinned", control=_pinned),
    Attack("another tier of the pinned policy",
           lambda d: {**_under(d, LAX, ("lax", "dev")), **_pinned(d)},
           "E411", "`lax+dev` is not the one pinned", control=_pinned),
    Attack("another profile of the pinned policy",
           lambda d: {**_under(d, LOOSE, ("balanced", "loose")), **_pinned(d)},
           "E411", "`balanced+loose` is not the one pinned", control=_pinned),
    Attack("a weaker bar under the same name, judged under the consumer's",
           lambda d: _under(d, _weaker(POLICY)),
           'perplexity.ratio on "prose"', "misses `<= 1.2`", 1),
    Attack("fewer windows than the consumer's bar asks",
           lambda d: _bar_of(d, b"windows.final      >= 36", b"windows.final      >= 30"),
           "windows.final", "30 windows there, `>= 36` asked", 1),
    Attack("another estimator than the consumer's bar",
           lambda d: _bar_of(d, b"length = 9 tokens", b"length = 8 tokens"),
           "E408", "measured under another contract than the bar's", 3),
)  # fmt: skip

ARTIFACTS = (
    Attack("replayed for other weights", _weights, "E403", "subject: `model.safetensors`"),
    Attack("a model that shares all files but one", _all_but_one, "E403", "subject: `config.json`"),
    Attack("a file of the model renamed", _rename, "E403", "subject: `tokeniser.json`"),
    Attack("a file added to the model",
           lambda d: (d.root / "subject" / "added.json").write_bytes(b"{}") and None,
           "E403", "subject: `added.json`"),
    Attack("a file removed from the model",
           lambda d: (d.root / "subject" / "tokenizer.json").unlink(),
           "E403", "subject: `tokenizer.json`"),
    Attack("the digest of another model", lambda _: {"subject": None,
                                                     "subject_digest": "sha256:" + "5" * 64},
           "E403", "the subject is not the model that was evaluated"),
    Attack("another baseline", lambda d: {"baseline": d.root / "subject"},
           "E403", "baseline: `model.safetensors`"),
    Attack("other data", lambda d: (d.root / "data.jsonl").write_bytes(b'{"text":"x"}\n') and None,
           "E403", "data.jsonl` is not the one used"),
    Attack("a beacon that is not in the seed", lambda _: {"beacon": "sha256:" + "1" * 64},
           "E403", "the schedule's beacon is not the one given"),
    Attack("the bundle of a failing run under the name of a passing one",
           lambda d: d.swap(BUNDLE, _failing(d)),
           "E404", 'statement: `predicate.verdict`: found "fail", expected "pass"'),
)  # fmt: skip


def _failing(desk: Desk) -> bytes:
    from invarlock.attest.bundle import sign_bundle
    from invarlock.attest.keys import load_private

    report = report_of(documents(case(worse=0.4))).encode()
    return sign_bundle(signed(report), load_private(desk.root / "key"))
