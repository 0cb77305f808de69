"""Where the folders of data are that travel with the package: grammar, policies, attest.

They stand at the root of the repository, and under ``invarlock/_data/`` in a wheel (DESIGN
section 2).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

_PACKAGE: Final = Path(__file__).resolve().parent


def data_folder(name: Literal["grammar", "policies", "attest"]) -> Path:
    """The folder ``name`` of this installation, or of the repository it runs from."""
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
