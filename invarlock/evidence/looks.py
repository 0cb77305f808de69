"""After how many final windows a run is looked at, where its bar plans looks.

Looks come after equal shares of the final windows, in schedule order, each rounded up to whole
batches; the last one comes after all of them, and after the preview windows. So a look's evidence
is a prefix of the schedule, and nobody chooses when to look.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

STEP: Final = 8
"""Windows in a batch of a forward pass: the same batches are scored however often one looks."""


def look_ends(final: int, looks: int) -> tuple[int, ...]:
    """Final windows seen at each of ``looks`` looks at a schedule of ``final``."""
    early = (min(final, -(-final * look // (looks * STEP)) * STEP) for look in range(1, looks))
    return (*early, final)


def too_few_for(final: int, looks: int) -> bool:
    """Whether two of the looks would see the same windows."""
    return any(after <= before for before, after in pairwise((0, *look_ends(final, looks))))
