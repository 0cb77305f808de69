"""Deployed weights, hashed again and again, against the attestation they were deployed by."""

from invarlock.verify.watch.attested import Attested, attested_model
from invarlock.verify.watch.check import Check, check_model
from invarlock.verify.watch.engine import Hooks, Schedule, watch_model

__all__ = [
    "Attested",
    "Check",
    "Hooks",
    "Schedule",
    "attested_model",
    "check_model",
    "watch_model",
]
