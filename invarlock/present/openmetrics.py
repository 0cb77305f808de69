"""OpenMetrics text: families of samples, for a scraper or the textfile collector.

Source: OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from invarlock.policy.output import write_beside

Number = int | Decimal


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: its name without suffix, kind, help on one line, and samples by labels."""

    name: str
    kind: Literal["gauge", "counter"]
    about: str
    samples: Sequence[tuple[Mapping[str, str], Number]]


def openmetrics_text(families: Iterable[Family]) -> str:
    """The exposition of ``families``, ended as the format demands."""
    return "".join(f"{line}\n" for family in families for line in _family(family)) + "# EOF\n"


def write_metrics(path: Path, families: Iterable[Family]) -> None:
    """Put the exposition at ``path``, whole or not at all, for a collector that runs as somebody
    else. Raises as :func:`write_beside`."""
    write_beside(path, openmetrics_text(families).encode())


def _family(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.about)}"
    yield f"# TYPE {family.name} {family.kind}"
    name = family.name + ("_total" if family.kind == "counter" else "")
    for labels, value in family.samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
