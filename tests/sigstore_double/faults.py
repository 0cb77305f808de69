"""How the double misbehaves, when a test asks it to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

LIFETIME = timedelta(minutes=10)
"""What Fulcio gives a certificate."""


@dataclass
class Faults:
    """All zero: an honest Sigstore.

    Attributes:
        lifetime: how long the next certificates are valid.
        log_clock: what is added to the time at which the log says it took an entry in.
        tsa_clock: what is added to the timestamp authority's clock.
        tsa_down: the timestamp authority answers with an error.
        foreign_sct: certificates carry a promise that another CT log signed.
    """

    lifetime: timedelta = LIFETIME
    log_clock: timedelta = timedelta(0)
    tsa_clock: timedelta = timedelta(0)
    tsa_down: bool = False
    foreign_sct: bool = False
