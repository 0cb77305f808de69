"""Bounds from null runs: what a gate must let through, so that nothing is blamed for nothing."""

from invarlock.authoring.calibration.bounds import Calibrated, calibrated, least_runs
from invarlock.authoring.calibration.proposal import propose

__all__ = ["Calibrated", "calibrated", "least_runs", "propose"]
