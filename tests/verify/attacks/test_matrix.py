"""Every attack is refused for its own reason, and what it attacks verified before."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from invarlock.verify.result import VerificationResult
from tests.conftest import ROOT
from tests.verify.attacks.desk import Attack, Desk
from tests.verify.attacks.elsewhere import ELSEWHERE
from tests.verify.attacks.of_documents import ENVELOPE, RUN, STATEMENT
from tests.verify.attacks.of_trust import ARTIFACTS, BARS, SIGNER

ATTACKS = (*STATEMENT, *ENVELOPE, *RUN, *SIGNER, *BARS, *ARTIFACTS)


def reasons(result: VerificationResult) -> list[tuple[str, str]]:
    """Codes and words of all that speaks against the run: findings, and gates that do not pass."""
    found = [
        (one.code, f"{one.what}: found {one.found}, expected {one.expected}")
        for one in result.findings
    ]
    return found + [(gate.id, gate.reason) for gate in result.gates if gate.verdict != "pass"]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_is_refused_for_its_own_reason(tmp_path: Path, attack: Attack) -> None:
    desk = Desk(tmp_path, attack.worse)
    control = desk.verify(attack.control(desk))
    assert control.exit_code == attack.control_exit, reasons(control)
    result = desk.verify(attack.do(desk))
    found = reasons(result)
    assert any(code == attack.code and attack.says in what for code, what in found), found
    assert result.exit_code == attack.exit_code
    assert result.verdict != "pass"


UNSIGNED = ("E401", "the signature is not by")
"""The one answer to all that a signature does not cover: there is no more that can be told."""


def test_each_has_a_reason_of_its_own() -> None:
    told = Counter((attack.code, attack.says) for attack in ATTACKS)
    assert [reason for reason, times in told.items() if times > 1] == [UNSIGNED]
    assert all(says for _, says in told)


def test_there_are_as_many_as_were_promised() -> None:
    assert len(ATTACKS) == len({attack.name for attack in ATTACKS}) >= 60


def test_those_that_other_tests_make_are_there() -> None:
    named = {test for tests in ELSEWHERE.values() for test in tests}
    files = sorted({test.partition("::")[0] for test in named})
    words = ["--collect-only", "--quiet", "--no-header", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *files],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert named - set(done.stdout.splitlines()) == set()
