"""Every attack is refused for its own reason, and what it attacks verified before."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.verify.result import VerificationResult
from tests.verify.attacks.desk import Attack, Desk
from tests.verify.attacks.of_documents import ENVELOPE, RUN, STATEMENT
from tests.verify.attacks.of_trust import ARTIFACTS, BARS, SIGNER

ATTACKS = (*STATEMENT, *ENVELOPE, *RUN, *SIGNER, *BARS, *ARTIFACTS)


def reasons(result: VerificationResult) -> list[tuple[str, str]]:
    """Codes and words of all that speaks against the run: findings, and gates that do not pass."""
    found = [(finding.code, finding.what) for finding in result.findings]
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


def test_there_are_as_many_as_were_promised() -> None:
    assert len(ATTACKS) == len({attack.name for attack in ATTACKS}) >= 60
