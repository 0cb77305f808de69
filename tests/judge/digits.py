"""Prints every digit that the judge makes of some synthetic evidence, as canonical JSON.

Run by :mod:`tests.judge.test_platform` in processes of their own.
"""

from __future__ import annotations

import sys

import numpy as np

from invarlock.canonical import canonical_bytes, decimal_text, digest_bytes
from invarlock.judge import contract_of, decide, estimate
from invarlock.judge.values import Value
from tests.builders import Synthetic, standard_bar


def simd() -> list[str]:
    """The dispatched CPU features that numpy uses in this process."""
    found: list[str] = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return found


def _plain(value: Value) -> dict[str, object]:
    numbers = {"point": value.point, "low": value.low, "high": value.high}
    texts = {name: None if n is None else decimal_text(n) for name, n in numbers.items()}
    return {**texts, "status": value.status, "exact": value.exact, "words": value.words}


def digits() -> bytes:
    """Values and verdicts of several evidences, with the digest of what they were made from."""
    bar = standard_bar(final=60, preview=20)
    out = []
    for seed in range(6):
        case = Synthetic(bar=bar, documents=40, per_document=2, seed=seed)
        case = case.edited(worse=0.01 * seed, noise=0.2)
        values = estimate(case.evidence(), contract_of(bar))
        out.append(
            {
                "evidence": digest_bytes(case.files()["evidence.json"]),
                "values": {"|".join(key): _plain(v) for key, v in values.items.items()},
                "verdict": decide(bar, values).model_dump(mode="json"),
            }
        )
    return canonical_bytes(out)


if __name__ == "__main__":
    if sys.argv[1:] == ["simd"]:
        sys.stdout.write(" ".join(simd()))
    else:
        sys.stdout.buffer.write(digits())
