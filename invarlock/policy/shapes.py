"""Limits on the fields of the IR, in words that pydantic understands without being imported.

The compiler makes IR nodes itself and never validates them, and importing pydantic takes longer
than compiling a policy: so the nodes are plain dataclasses, whose annotations pydantic reads where
an IR comes from outside (:mod:`invarlock.policy.read_ir`) or is part of a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from invarlock.canonical import Json

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class Node:
    """Base of all IR nodes, which are frozen dataclasses."""

    __slots__ = ()
    # For pydantic: closed to unknown keys, no conversions.
    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def document(self) -> dict[str, Json]:
        """The node as JSON."""
        return {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}


def _plain(value: object) -> Json:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Node):
        return value.document()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    raise TypeError(f"no JSON for {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a text or a tuple; ``None`` is no limit."""

    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """The schema of ``source`` with these limits."""
        schema: dict[str, Any] = dict(handler(source))
        for name in ("pattern", "min_length", "max_length"):
            if (limit := getattr(self, name)) is not None:
                schema[name] = limit
        return schema


@dataclass(frozen=True, slots=True)
class Tagged:
    """A union whose members are told apart by the word in their field ``key``."""

    key: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The schema of the tagged union ``source``."""
        from pydantic import Field

        return handler.generate_schema(Annotated[source, Field(discriminator=self.key)])
