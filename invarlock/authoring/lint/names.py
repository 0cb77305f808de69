"""The names of all rules: what an allowance may name."""

from __future__ import annotations

from typing import Final

NAMES: Final = frozenset(
    {
        "allow-without-reason",
        "bound-without-reason",
        "boundary-open",
        "default-relied-on",
        "digit-groups",
        "floor-in-tier",
        "harm-only-warned",
        "mixed-percent",
        "no-about",
        "point-alone",
        "redundant",
        "signer-any-ref",
        "unit-words",
        "unlikely-bound",
        "untested",
        "unused-allow",
    }
)
