"""A watch as metrics, for a textfile collector. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from invarlock.present.openmetrics import Family
from invarlock.verify.watch.check import Check


def watch_metrics(check: Check, counts: tuple[int, int, int]) -> Iterator[Family]:
    """The last check, and how many checks, differences and failed alerts there were so far."""
    labels = {"model": check.model, "digest": check.expected}
    for name, about, value in (
        ("same", "Whether the model is the one attested.", int(check.same)),
        ("differing_files", "Files that are not the ones attested.", check.differing),
        ("checked_timestamp_seconds", "When the last check began.", check.time),
        ("check_duration_seconds", "How long it took.", Decimal(str(check.seconds))),
        ("checked_bytes", "How many bytes it hashed.", check.bytes),
    ):
        yield Family(f"invarlock_watch_{name}", "gauge", about, [(labels, value)])
    for name, about, value in zip(
        ("checks", "differences", "failed_alerts"),
        ("Checks so far.", "Checks that found a difference.", "Alerts that failed."),
        counts,
        strict=True,
    ):
        yield Family(f"invarlock_watch_{name}", "counter", about, [(labels, value)])
