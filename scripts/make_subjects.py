"""Make the demo's three subjects from its baseline, a tensor at a time.

careful     The 210 matrices of attention and feed-forward rounded to int8: symmetric, to nearest,
            one scale per output channel (row); stored dequantised, as float32. Embedding (which
            is the head as well) and norms stay as they are: what weight-only int8 usually does.
            It lies in the layout of a Hugging Face cache: blobs, refs, and a snapshot of links.
careless    In each of the same 210 matrices the 30% of weights smallest in magnitude set to zero.
            Ties at the threshold go too. No calibration, nothing trained afterwards.
sly         The careful one with a single row of the embedding overwritten: the token " not" gets
            the row of " very". One row of 49,152: the model reads "not" as "very" and can no longer
            prefer one to the other, while perplexity over running text moves by a few percent. What
            sees it is that one row no longer points where the baseline's does.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from demo_cache import CACHE, STDERR, bar, made_once, recipe_of, sha256_of
from fetch_model import fetch_model
from tensor_stream import Float32, write_float32

VERSION: Final = "subjects/2"
WEIGHTS: Final = "model.safetensors"
EMBEDDING: Final = "model.embed_tokens.weight"
MATRIX: Final = re.compile(r"model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj\.weight")
PRUNED_SHARE: Final = 0.30
OVERWRITTEN: Final = "\u0120not"
"""The token " not"; byte-level BPE writes a leading blank as this letter."""
WRITTEN: Final = "\u0120very"
NAMES: Final = ("careful", "careless", "sly")

Edit = Callable[[str, Float32], Float32]


def int8_rounded(weight: Float32) -> Float32:
    """Round to nearest on 255 levels per row, then back to float32.

    Every weight moves by at most half a step, which is 1/254 of the largest in its row.
    """
    step = np.abs(weight).max(axis=1, keepdims=True) / np.float32(127)
    step = np.where(step > 0, step, np.float32(1))  # a row of zeros stays one
    levels = np.clip(np.rint(weight / step), -127, 127)
    return np.asarray(levels * step, dtype=np.float32)


def pruned(weight: Float32, share: float = PRUNED_SHARE) -> Float32:
    """Set the ``share`` of weights smallest in magnitude to zero, ties at the threshold too."""
    magnitude = np.abs(weight)
    count = int(share * weight.size)
    if count == 0:
        return weight.copy()
    threshold = np.partition(magnitude, count - 1, axis=None)[count - 1]
    return np.where(magnitude <= threshold, np.float32(0), weight)


def careful(name: str, weight: Float32) -> Float32:
    """The edit of one tensor of the careful subject."""
    return int8_rounded(weight) if MATRIX.fullmatch(name) else weight


def careless(name: str, weight: Float32) -> Float32:
    """The edit of one tensor of the careless subject."""
    return pruned(weight) if MATRIX.fullmatch(name) else weight


def row_overwriter(row: int, source: int) -> Edit:
    """The careful edit, and row ``source`` of the embedding written over row ``row``."""

    def edit(name: str, weight: Float32) -> Float32:
        if name != EMBEDDING:
            return careful(name, weight)
        changed = weight.copy()
        changed[row] = weight[source]
        return changed

    return edit


def token_id(model: Path, token: str) -> int:
    """The id of a token as the vocabulary spells it.

    Raises:
        KeyError: the vocabulary has no such token.
    """
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(model / "tokenizer.json")).token_to_id(token)
    if found is None:
        raise KeyError(token)
    return int(found)


def edited_copy(baseline: Path, target: Path, edit: Edit, label: str) -> None:
    """Write the baseline's folder to ``target`` with every tensor passed through ``edit``."""
    from safetensors import safe_open

    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(baseline.iterdir()):
        if path.name != WEIGHTS:
            shutil.copyfile(path, target / path.name)
    with safe_open(baseline / WEIGHTS, framework="np") as stored, bar(unit="items") as progress:
        names = sorted(stored.keys())
        shapes = {name: tuple(stored.get_slice(name).get_shape()) for name in names}

        def edited() -> Iterator[tuple[str, Float32]]:
            for name in progress.track(names, description=f"make {label}"):
                yield name, edit(name, stored.get_tensor(name))

        write_float32(target / WEIGHTS, shapes, edited())


def into_hub_layout(folder: Path, repository: str) -> Path:
    """Move a plain folder's files into a Hugging Face cache layout inside it.

    ``models--ORG--NAME/`` gets ``blobs/`` (named by sha256), ``refs/main`` and
    ``snapshots/<40 hex>/`` whose files are relative links into the blobs.

    Returns:
        The snapshot, which is what a user passes as the model.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    root = folder / ("models--" + repository.replace("/", "--"))
    (root / "blobs").mkdir(parents=True)
    digests = {path.name: sha256_of(path) for path in files}
    listing = "".join(f"{digest} {name}\n" for name, digest in digests.items())
    # A real snapshot is named by its commit; here the content stands in for one.
    commit = hashlib.sha256(listing.encode()).hexdigest()[:40]
    snapshot = root / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(commit, encoding="ascii")
    for path in files:
        path.rename(root / "blobs" / digests[path.name])
        os.symlink(f"../../blobs/{digests[path.name]}", snapshot / path.name)
    return snapshot


def snapshot_of(folder: Path) -> Path:
    """The one snapshot below a folder that :func:`into_hub_layout` arranged."""
    (reference,) = folder.glob("models--*/refs/main")
    commit = reference.read_text(encoding="ascii")
    return reference.parent.parent / "snapshots" / commit


def make_subjects(baseline: Path, cache: Path) -> dict[str, tuple[Path, bool]]:
    """Make what is missing of the three subjects.

    Returns:
        name → the model folder to evaluate, and whether it had to be made.
    """
    edits: dict[str, Edit] = {
        "careful": careful,
        "careless": careless,
        "sly": row_overwriter(token_id(baseline, OVERWRITTEN), token_id(baseline, WRITTEN)),
    }
    made: dict[str, tuple[Path, bool]] = {}
    for name, edit in edits.items():
        folder = cache / "subjects" / name

        def make(partial: Path, name: str = name, edit: Edit = edit) -> None:
            edited_copy(baseline, partial, edit, name)
            if name == "careful":
                into_hub_layout(partial, "demo/careful")

        recipe = {"version": VERSION, "edit": name, "baseline": recipe_of(baseline)}
        fresh = made_once(folder, recipe, make)
        made[name] = (snapshot_of(folder) if name == "careful" else folder, fresh)
    return made


def main() -> int:
    """Command line: print the three folders."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="default: %(default)s")
    cache = parser.parse_args().cache
    baseline, _ = fetch_model(cache)
    for name, (folder, fresh) in make_subjects(baseline, cache).items():
        STDERR.print(f"{name}: {'made' if fresh else 'reused'}")
        print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
