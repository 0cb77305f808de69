"""What the demo's producer and consumer type, and where they keep their things."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo_view import say, show

ROOT: Final = Path(__file__).resolve().parent.parent
POLICY: Final = Path("policies/causal_lm.invar")
BAR: Final = "balanced+dev"
BUNDLE: Final = "attestation.sigstore.json"


class Unexpected(Exception):
    """A command ended otherwise than the demo can go on from; holds the exit code to pass on."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """Where the producer and the consumer keep their things."""

    runs: Path
    key: Path
    kept: Path
    policy: Path

    @property
    def public(self) -> Path:
        """The public half of the key: what the consumer was given."""
        return self.key.with_name(self.key.name + ".pub")


def near(path: Path) -> str:
    """A path as one types it in the repository's folder."""
    absolute = path if path.is_absolute() else ROOT / path
    return str(absolute.relative_to(ROOT)) if absolute.is_relative_to(ROOT) else str(absolute)


def invarlock(*arguments: str) -> tuple[int, str]:
    """Run one command of the public command line.

    Returns:
        Its exit code and standard output; standard error goes through, progress and all.
    """
    say("$ invarlock " + " ".join(arguments), "bold cyan")
    beside = Path(sys.executable).with_name("invarlock")
    command = [str(beside)] if beside.is_file() else [sys.executable, "-m", "invarlock"]
    ran = subprocess.run(
        [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    return ran.returncode, ran.stdout


def must(code: int, allowed: Sequence[int] | frozenset[int], what: str) -> None:
    """Go on only with an exit code that the demo knows how to read.

    Raises:
        Unexpected: for any other.
    """
    if code not in allowed:
        raise Unexpected(f"{what} ended with exit code {code}", code)


def attest(run: Path, place: Place) -> None:
    """What the producer types; the key is made on first use.

    Raises:
        Unexpected: the run could not be signed.
    """
    code, text = invarlock("attest", near(run), "--key", near(place.key))
    must(code, [0], f"attesting `{near(run)}`")
    show(text)


def verify(
    run: Path, model: Path, place: Place, *more: str, bar: str = BAR, level: str = "judged"
) -> tuple[int, str]:
    """What the consumer types: a key, a bar of his own, the model he is about to deploy."""
    return invarlock(
        "verify", near(run / BUNDLE), "--policy", f"{near(place.policy)}#{bar}",
        "--key", near(place.public), "--subject", near(model), "--level", level, *more,
    )  # fmt: skip
