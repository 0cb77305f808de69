"""The one judge, used by engine and verifier: pure functions without clock, I/O or torch.

estimate(evidence, contract) → values        decide(bar, values) → verdict
"""

from invarlock.judge.contract import (
    check_beacon,
    contract_of,
    demanded,
    same_measurement,
    schedule_of,
)
from invarlock.judge.decide import decide
from invarlock.judge.estimate import estimate
from invarlock.judge.signature import signature_values, voucher_values
from invarlock.judge.values import Key, Value, Values
from invarlock.judge.verdict import GateOutcome, GateResult, Outcome, Verdict, gravest

__all__ = [
    "GateOutcome",
    "GateResult",
    "Key",
    "Outcome",
    "Value",
    "Values",
    "Verdict",
    "check_beacon",
    "contract_of",
    "decide",
    "demanded",
    "estimate",
    "gravest",
    "same_measurement",
    "schedule_of",
    "signature_values",
    "voucher_values",
]
