"""The watch itself: hash on schedule or when files look touched, and tell of every difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from invarlock.artifacts.descriptor import Pace
from invarlock.errors import EnvironmentFault
from invarlock.present.openmetrics import write_metrics
from invarlock.verify.watch.alerts import Alerts
from invarlock.verify.watch.attested import Attested
from invarlock.verify.watch.check import CLOCK, Cause, Check, Clock, check_model
from invarlock.verify.watch.metrics import watch_metrics
from invarlock.verify.watch.stamps import Stamps, stamps_of


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to look.

    Attributes:
        every: seconds from one hashing to the next.
        poll: seconds between looks at sizes and times, upon a change of which all is hashed; 0 for
            none.
        once: hash once, and be done.
        stay: go on after a difference.
    """

    every: float
    poll: float = 0
    once: bool = False
    stay: bool = False


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where a watch's findings go: ``report`` hears of every check, ``complain`` why somebody
    could not be told."""

    report: Callable[[Check], None]
    complain: Callable[[str], None]
    alerts: Alerts = field(default_factory=Alerts)
    metrics: Path | None = None


def watch_model(
    model: Path,
    attested: Attested,
    schedule: Schedule,
    hooks: Hooks,
    *,
    pace: Pace,
    clock: Clock = CLOCK,
) -> Check:
    """Watch ``model`` until a difference is found, or for ever when it is to ``stay``.

    A difference that stays the same is told of once. Returns the last check. Metrics
    that cannot be written are complained of, and end nothing.
    """
    checks = differences = failed = 0
    told: tuple[object, ...] | None = None
    cause: Cause = "start"
    while True:
        stamps = stamps_of(model)  # before the bytes, so that a change meanwhile shows afterwards
        check = check_model(model, attested, pace=pace, cause=cause, clock=clock)
        checks += 1
        hooks.report(check)
        seen = None if check.same else (check.found, check.code, check.reason)
        if seen is not None:
            differences += 1
            if seen != told:
                for why in hooks.alerts.tell(check):
                    failed += 1
                    hooks.complain(why)
        told = seen
        if hooks.metrics is not None:
            _measure(hooks, hooks.metrics, check, (checks, differences, failed))
        if schedule.once or (not check.same and not schedule.stay):
            return check
        cause = _wait(model, stamps, schedule, clock)


def _measure(hooks: Hooks, path: Path, check: Check, counts: tuple[int, int, int]) -> None:
    try:
        write_metrics(path, watch_metrics(check, counts))
    except EnvironmentFault as err:
        hooks.complain(f"--metrics: {err.message}")
    except OSError as err:
        hooks.complain(f"--metrics: `{path}`: {(err.strerror or 'cannot be written').lower()}")


def _wait(model: Path, stamps: Stamps, schedule: Schedule, clock: Clock) -> Cause:
    """Wait until it is time to hash again, and say why it is."""
    due = clock.steady() + schedule.every
    while (left := due - clock.steady()) > 0:
        clock.sleep(min(left, schedule.poll) if schedule.poll else left)
        if schedule.poll and stamps_of(model) != stamps:
            return "change"
    return "schedule"
