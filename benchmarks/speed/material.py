"""What the figures are taken with: models, data, policy, and the peers' environment."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from benchmarks.speed.process import ROOT
from benchmarks.speed.tiny_model import VERSION, make_tiny

POLICY: Final = ROOT / "policies" / "causal_lm.invar"
KEEP: Final = ROOT / ".cache" / "bench"
PROFILES: Final = """
profile bench {
  require windows.preview >= 100
  require windows.final   >= 100
}

profile tiny {
  require windows.preview >= 240
  require windows.final   >= 240
}
"""
"""200 and 480 windows; all that the shipped policy asks is asked of them, too."""


@dataclass(frozen=True)
class Material:
    """Everything is made when first asked for; ``work`` is a folder for what a run leaves."""

    work: Path

    @cached_property
    def policy(self) -> Path:
        """The shipped policy with :data:`PROFILES`."""
        path = self.work / "bench.invar"
        path.write_text(POLICY.read_text(encoding="utf-8") + PROFILES, encoding="utf-8")
        return path

    @cached_property
    def prose(self) -> Path:
        """JSON Lines of the demo."""
        from fetch_prose import fetch_prose

        return fetch_prose(_demo_cache())[0]

    @cached_property
    def baseline(self) -> Path:
        """SmolLM2-135M."""
        from fetch_model import fetch_model

        return fetch_model(_demo_cache())[0]

    @cached_property
    def subjects(self) -> dict[str, Path]:
        """The demo's edits of it."""
        from make_subjects import make_subjects

        made = make_subjects(self.baseline, _demo_cache())
        return {name: folder for name, (folder, _) in made.items()}

    @cached_property
    def tiny(self) -> Path:
        """A folder with `baseline` and `subject`, of 1.35 million parameters."""
        from demo_cache import made_once

        folder = KEEP / "tiny"
        made_once(folder, {"version": VERSION}, lambda partial: make_tiny(partial, self.prose))
        return folder

    @cached_property
    def peers(self) -> str | None:
        """The interpreter of the peers' environment; None without `make peers`."""
        python = KEEP / "venv" / "bin" / "python"
        modules = "import lm_eval.models.huggingface, weightwatcher"
        if not python.exists():
            return None
        done = subprocess.run([str(python), "-c", modules], capture_output=True, check=False)
        return str(python) if done.returncode == 0 else None


def _demo_cache() -> Path:
    from demo_cache import CACHE

    return CACHE


sys.path.insert(0, str(ROOT / "scripts"))
