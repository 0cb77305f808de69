"""IR from outside: JSON into nodes, every field present, known and well formed."""

from __future__ import annotations

from pydantic import TypeAdapter

from invarlock.policy.ir import BarIR, PolicyIR


def read_policy_ir(data: bytes) -> PolicyIR:
    """The policy of ``data``. Raises :class:`pydantic.ValidationError`."""
    return TypeAdapter(PolicyIR).validate_json(data)


def read_bar_ir(data: bytes) -> BarIR:
    """The bar of ``data``. Raises :class:`pydantic.ValidationError`."""
    return TypeAdapter(BarIR).validate_json(data)
