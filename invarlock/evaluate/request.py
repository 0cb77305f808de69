"""What the user asked for, and the bar it names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from invarlock.bom.document import Version
from invarlock.errors import UsageFault
from invarlock.evaluate.memory import available_bytes, sealed_share
from invarlock.evidence.schema import Beacon
from invarlock.measure.job import Device
from invarlock.policy import Compiled, load_policy, parse_reference
from invarlock.policy.ir import BarIR


@dataclass(frozen=True, slots=True)
class Request:
    """One evaluation. ``memory_budget`` in bytes for everything (``None``: what is available),
    ``time_limit_s`` in seconds for each boundary, ``threads`` of each boundary; ``workers`` count
    for the executor ``ray``; ``bom_version`` of CycloneDX."""

    policy: str
    tier: str | None
    profile: str | None
    baseline: Path
    subject: Path
    data: Path
    out: Path
    beacon: Beacon | None = None
    requested_mode: Literal["auto", "sandbox", "host"] = "auto"
    device: Device = "cpu"
    memory_budget: int | None = None
    cache: Path | None = None
    use_cache: bool = True
    time_limit_s: float = 3600.0
    threads: int | None = None
    executor: Literal["local", "ray"] = "local"
    workers: int = 2
    bom_version: Version = "1.6"

    @property
    def budget(self) -> int:
        """Bytes of memory that the run may take."""
        return available_bytes() if self.memory_budget is None else self.memory_budget

    @property
    def sealed_share(self) -> int:
        """Bytes that a sealed copy of one model may take; larger ones are hashed twice instead."""
        holders = self.workers + 1 if self.executor == "ray" else 1
        return sealed_share(self.budget, holders)

    @property
    def threads_each(self) -> int:
        """Threads of each boundary: as asked, else this process's cores, shared by the workers."""
        if self.threads is not None:
            return self.threads
        at_a_time = self.workers if self.executor == "ray" else 1
        return max(1, len(os.sched_getaffinity(0)) // at_a_time)

    @property
    def cache_folder(self) -> Path:
        """Where baseline results are kept: as asked, else under the user's cache folder."""
        if self.cache is not None:
            return self.cache
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "invarlock" / "baselines"


class Asked(Protocol):
    """Whatever asks for a bar: a policy, perhaps with tier and profile, or these beside it."""

    @property
    def policy(self) -> str:
        """A file, or ``F#TIER+PROFILE``."""

    @property
    def tier(self) -> str | None:
        """The tier, where ``policy`` names none."""

    @property
    def profile(self) -> str | None:
        """The profile, where ``policy`` names none."""


@dataclass(frozen=True, slots=True)
class ChosenBar:
    """A compiled policy and the one bar of it that applies."""

    path: Path
    compiled: Compiled
    name: str
    bar: BarIR


def choose_bar(request: Asked) -> ChosenBar:
    """Compile the policy file and pick the bar.

    Raises :class:`UsageFault` E701 for a tier or profile given twice, E107 for an unknown one;
    :class:`PolicyFault` for an invalid policy; :class:`EnvironmentFault` E601 for an absent file.
    """
    reference = parse_reference(request.policy)
    tier = _once("tier", reference.tier, request.tier)
    profile = _once("profile", reference.profile, request.profile)
    path = Path(reference.path)
    compiled = load_policy(path)
    name, bar = compiled.bar(tier, profile)
    return ChosenBar(path, compiled, name, bar)


def _once(what: str, first: str | None, second: str | None) -> str | None:
    if first is not None and second is not None:
        raise UsageFault("E701", f"{what} given twice: `{first}` and `{second}`", "give it once")
    return first if first is not None else second
