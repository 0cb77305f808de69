"""The trusted parent: opens, hashes, launches, receives, judges. It parses nothing of a model."""

from invarlock.evaluate.engine import run
from invarlock.evaluate.request import Request

__all__ = ["Request", "run"]
