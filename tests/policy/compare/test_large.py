"""`policy compare` reads back whatever `policy compile` writes, however large it is."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from invarlock.cli import main
from invarlock.policy.catalogue import MEASURES, Kind
from invarlock.policy.check import MAX_PROFILES, MAX_TIERS
from invarlock.policy.check_gate import MAX_MEMBERS
from invarlock.policy.check_signer import MAX_SIGNERS
from invarlock.policy.compare.document import MAX_BYTES
from invarlock.policy.units import MAX_BAR_GATES
from tests.policy.support import HEAD, policy

BARS = MAX_TIERS * (MAX_PROFILES + 1)
DIGESTS = [name for name, measure in MEASURES.items() if measure.kind is Kind.DIGEST]


def largest() -> str:
    """All bars that there may be, each with the longest relations and names of slices."""
    parts = [f'  {part} = "{part[0] * 256}"\n' for part in ("workflow", "ref", "issuer")]
    rest = "".join(parts)
    blocks = [HEAD]
    blocks += [
        f'signer s{n} {{\n  repository = "{n:0>256}"\n{rest}}}\n' for n in range(MAX_SIGNERS)
    ]
    names = ", ".join(f"s{signer}" for signer in range(MAX_SIGNERS))
    blocks.append(f"require signature.by in {{{names}}}\n")
    for place, measure in enumerate(DIGESTS):
        values = ", ".join(f"sha256:{place:x}{n:063x}" for n in range(MAX_MEMBERS))
        blocks.append(f"require {measure} in {{{values}}}\n")
    for gate in range(MAX_BAR_GATES // BARS - len(DIGESTS) - 4):
        bounds = f"[0.{'0' * 36}1, 0.{'9' * 38}]"
        blocks.append(f'require kl.mean on "{chr(0x1F600) * 62}{gate:02}" in {bounds}\n')
    blocks += [f"tier t{n} {{ require kl.p99 <= {n + 1} }}\n" for n in range(MAX_TIERS)]
    blocks += [f"profile p{n} {{ require kl.mean <= {n + 1} }}\n" for n in range(MAX_PROFILES)]
    return "".join(blocks)


def test_the_largest_policy_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.invar").write_text(largest())
    assert main(["policy", "compile", "p.invar", "-o", "p.json"]) == 0
    size = Path("p.json").stat().st_size
    assert MAX_BYTES * 3 // 4 < size < MAX_BYTES  # at the caps of the language, below this one
    begun = time.process_time()
    assert main(["policy", "compare", "p.invar", "p.json"]) == 0
    assert time.process_time() - begun < 12  # a third of it where nothing else runs
    assert "equal: " in capsys.readouterr().out


def test_what_no_compiler_wrote_is_refused_before_it_takes_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.invar").write_text(policy())
    assert main(["policy", "compile", "p.invar", "-o", "p.json"]) == 0
    document = json.loads(Path("p.json").read_text())
    Path("again.json").write_text(json.dumps(document, indent=1))
    assert main(["policy", "compare", "p.invar", "again.json"]) == 0
    for extra, why in (("[]," * 600_000 + "[]", "commas"), (f'"{"x" * MAX_BYTES}"', "larger than")):
        Path("large.json").write_text(f'{{"ir": "invarlock.policy/1", "bars": [{extra}]}}')
        capsys.readouterr()
        assert main(["policy", "compare", "p.invar", "large.json"]) == 2
        err = capsys.readouterr().err
        assert "[INVARLOCK:E134] cannot compare: `large.json` is not strict JSON" in err
        assert why in err
