"""The edits of the power table: each with a seed, what is expected of it, and how it is made.

The class was set before anything was measured:
    harmless   what practice calls lossless, or nearly; a gate that fails it is too strict
    tolerable  arguable: a regression that somebody may accept, or a change that is visible and
               does no harm; some tier may fail it
    harmful    nobody should ship it; something must fail it
Matrices are those of attention and feed-forward (seven a layer); embedding (which is the head as
well) and norms stay as they are where an edit does not name them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np

from benchmarks.power.changes import (
    Float32,
    draws,
    low_rank_nudge,
    noisy,
    pruned,
    rounded,
    rows_exchanged,
    truncated,
)
from benchmarks.power.packed import packed
from benchmarks.power.subject import Baseline, write_subject

Class = Literal["harmless", "tolerable", "harmful"]
Make = Callable[[Baseline, Path, int], None]
EMBEDDING: Final = "model.embed_tokens.weight"
HEAD: Final = "lm_head.weight"
HARMED_SLICE: Final = "milton"


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: ``make(baseline, folder, seed)`` writes the subject."""

    name: str
    kind: Class
    what: str
    make: Make
    seed: int = 1


def is_matrix(name: str) -> bool:
    """Whether a tensor is a matrix of attention or feed-forward."""
    from make_subjects import MATRIX

    return MATRIX.fullmatch(name) is not None


def _matrices(change: Callable[[Float32], Float32], *, dtype: str = "F32") -> Make:
    """``change`` to every matrix."""

    def make(baseline: Baseline, target: Path, _seed: int) -> None:
        write_subject(
            baseline, target, lambda name, w: change(w) if is_matrix(name) else w, dtype=dtype
        )

    return make


def _drawn(change: Callable[[Float32, np.random.Generator], Float32]) -> Make:
    """``change`` to every matrix, with draws of its own."""

    def make(baseline: Baseline, target: Path, seed: int) -> None:
        def edit(name: str, weight: Float32) -> Float32:
            return change(weight, draws(seed, name)) if is_matrix(name) else weight

        write_subject(baseline, target, edit)

    return make


def _stored_as(dtype: str) -> Make:
    """Nothing changed but how numbers are stored."""
    return lambda baseline, target, _seed: write_subject(
        baseline, target, lambda _name, weight: weight, dtype=dtype
    )


def _one(where: str, change: Callable[[Float32, np.random.Generator], Float32]) -> Make:
    """``change`` to the tensor ``where`` of the middle layer, or of that very name."""

    def make(baseline: Baseline, target: Path, seed: int) -> None:
        wanted = where if where in baseline.shapes else _middle(baseline, where)

        def edit(name: str, weight: Float32) -> Float32:
            return change(weight, draws(seed, name)) if name == wanted else weight

        write_subject(baseline, target, edit)

    return make


def _middle(baseline: Baseline, part: str) -> str:
    return f"model.layers.{baseline.layers // 2}.{part}.weight"


def _family(mark: str, factor: float) -> Make:
    """Every matrix whose name holds ``mark`` times ``factor``."""

    def make(baseline: Baseline, target: Path, _seed: int) -> None:
        def edit(name: str, weight: Float32) -> Float32:
            return weight * np.float32(factor) if is_matrix(name) and mark in name else weight

        write_subject(baseline, target, edit)

    return make


# --- structure -----------------------------------------------------------------------------------


def _layer_dropped(baseline: Baseline, target: Path, _seed: int) -> None:
    """The middle layer left out, those above moved down by one."""
    gone = baseline.layers // 2
    names = {}
    for name in baseline.shapes:
        head, dot, rest = name.removeprefix("model.layers.").partition(".")
        if not name.startswith("model.layers.") or int(head) < gone:
            names[name] = name
        elif int(head) > gone:
            names[f"model.layers.{int(head) - 1}{dot}{rest}"] = name
    config = {"num_hidden_layers": baseline.layers - 1}
    write_subject(baseline, target, lambda _name, w: w, names=names, config=config)


def _layers_exchanged(baseline: Baseline, target: Path, _seed: int) -> None:
    """The middle layer and the one above in each other's place."""
    low = baseline.layers // 2
    places = {f"model.layers.{low}.": low + 1, f"model.layers.{low + 1}.": low}
    names = {name: name for name in baseline.shapes}
    for name in names:
        for place, other in places.items():
            if name.startswith(place):
                names[name] = f"model.layers.{other}." + name.removeprefix(place)
    write_subject(baseline, target, lambda _name, w: w, names=names)


def _head_order(baseline: Baseline, seed: int) -> tuple[int, np.ndarray]:
    """The middle layer, and its query rows with two heads of one key-value group exchanged."""
    heads, groups = (baseline.config[k] for k in ("num_attention_heads", "num_key_value_heads"))
    width = baseline.config["hidden_size"] // heads
    group = int(draws(seed, "heads").integers(groups)) * (heads // groups)
    order = np.arange(heads * width).reshape(heads, width)
    order[[group, group + 1]] = order[[group + 1, group]]
    return baseline.layers // 2, order.reshape(-1)


def _heads(baseline: Baseline, target: Path, seed: int, *, followed: bool) -> None:
    """Two heads exchange their queries; ``followed``: the output matrix follows them."""
    layer, order = _head_order(baseline, seed)
    place = f"model.layers.{layer}.self_attn."

    def edit(name: str, weight: Float32) -> Float32:
        if name == place + "q_proj.weight":
            return rows_exchanged(weight, order)
        if followed and name == place + "o_proj.weight":
            return np.ascontiguousarray(weight[:, order])
        return weight

    write_subject(baseline, target, edit)


def _two_rows(weight: Float32, rng: np.random.Generator) -> Float32:
    order = np.arange(weight.shape[0])
    low, high = rng.choice(weight.shape[0], 2, replace=False)
    order[[low, high]] = order[[high, low]]
    return rows_exchanged(weight, order)


def _all_rows(weight: Float32, rng: np.random.Generator) -> Float32:
    return rows_exchanged(weight, rng.permutation(weight.shape[0]))


def _row_zeroed(weight: Float32, rng: np.random.Generator) -> Float32:
    changed = weight.copy()
    changed[rng.integers(weight.shape[0])] = 0
    return changed


def _column_zeroed(weight: Float32, rng: np.random.Generator) -> Float32:
    return np.ascontiguousarray(_row_zeroed(weight.T, rng).T)


def _one_nan(weight: Float32, rng: np.random.Generator) -> Float32:
    changed = weight.copy()
    changed.reshape(-1)[rng.integers(weight.size)] = np.nan
    return changed


# --- embedding and head --------------------------------------------------------------------------


def _row_overwritten(baseline: Baseline, target: Path, _seed: int) -> None:
    row, source = (baseline.token_id(token) for token in ("\u0120not", "\u0120very"))

    def edit(name: str, weight: Float32) -> Float32:
        if name == EMBEDDING:
            weight = weight.copy()
            weight[row] = weight[source]
        return weight

    write_subject(baseline, target, edit)


def _tie_broken(baseline: Baseline, target: Path, seed: int) -> None:
    """A head of its own, a tenth of noise away from the embedding, and a configuration to match."""
    names = {name: name for name in baseline.shapes} | {HEAD: EMBEDDING}

    def edit(name: str, weight: Float32) -> Float32:
        return noisy(weight, 0.10, draws(seed, name)) if name == HEAD else weight

    write_subject(baseline, target, edit, names=names, config={"tie_word_embeddings": False})


def _slice_harmed(baseline: Baseline, target: Path, seed: int) -> None:
    """Rows of 40 tokens that one slice uses and the others hardly do, each given to the next."""
    counts: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
    for label, ids in baseline.tokens():
        counts[label == HARMED_SLICE].update(ids)
    there, elsewhere = counts[True], counts[False]
    share = sum(there.values()) / max(1, sum(elsewhere.values()))
    typical = [t for t in there if there[t] > 8 * share * elsewhere[t]]
    rows = sorted(typical, key=lambda token: (-there[token], token))[:40]
    draws(seed, EMBEDDING).shuffle(rows)

    def edit(name: str, weight: Float32) -> Float32:
        if name == EMBEDDING:
            weight = weight.copy()
            weight[rows] = weight[np.roll(rows, 1)]
        return weight

    write_subject(baseline, target, edit)


def _packed(bits: int, group: int | None) -> Make:
    return lambda baseline, target, _seed: packed(baseline, target, bits=bits, group=group)


# --- the table -----------------------------------------------------------------------------------


def _rounding(bits: int, group: int | None) -> Make:
    return _matrices(partial(rounded, bits=bits, group=group))


def _scaled(factor: float) -> Callable[[Float32, np.random.Generator], Float32]:
    return lambda weight, _rng: weight * np.float32(factor)


EDITS: Final[tuple[Edit, ...]] = (
    Edit("copy", "harmless", "nothing", _stored_as("F32")),
    Edit("bf16", "harmless", "every tensor stored as bfloat16", _stored_as("BF16")),
    Edit("fp16", "harmless", "every tensor stored as float16", _stored_as("F16")),
    Edit("int8-row", "harmless", "int8, to nearest, a scale a row", _rounding(8, None)),
    Edit("int8-group", "harmless", "int8, to nearest, a scale for 32 weights", _rounding(8, 32)),
    Edit("packed-int8", "harmless", "compressed-tensors `pack-quantized`, int8 a row",
         _packed(8, None)),
    Edit("packed-int4", "tolerable", "compressed-tensors `pack-quantized`, int4 for 32 weights",
         _packed(4, 32)),
    Edit("int4-group", "tolerable", "int4, to nearest, a scale for 32 weights", _rounding(4, 32)),
    Edit("int4-row", "harmful", "int4, to nearest, a scale a row", _rounding(4, None)),
    Edit("int3-group", "harmful", "int3, to nearest, a scale for 32 weights", _rounding(3, 32)),
    Edit("int3-row", "harmful", "int3, to nearest, a scale a row", _rounding(3, None)),
    Edit("prune-5", "harmless", "5% of each matrix pruned by magnitude",
         _matrices(partial(pruned, share=0.05))),
    Edit("prune-10", "tolerable", "10% pruned", _matrices(partial(pruned, share=0.10))),
    Edit("prune-20", "tolerable", "20% pruned", _matrices(partial(pruned, share=0.20))),
    Edit("prune-30", "harmful", "30% pruned", _matrices(partial(pruned, share=0.30))),
    Edit("prune-50", "harmful", "50% pruned", _matrices(partial(pruned, share=0.50))),
    Edit("noise-0.1", "harmless", "Gaussian noise, 0.1% of each matrix's rms",
         _drawn(lambda w, rng: noisy(w, 0.001, rng))),
    Edit("noise-1", "harmless", "noise of 1%", _drawn(lambda w, rng: noisy(w, 0.01, rng))),
    Edit("noise-5", "tolerable", "noise of 5%", _drawn(lambda w, rng: noisy(w, 0.05, rng))),
    Edit("noise-20", "harmful", "noise of 20%", _drawn(lambda w, rng: noisy(w, 0.20, rng))),
    Edit("rank-90", "tolerable", "each matrix cut to 90% of its rank",
         _matrices(partial(truncated, share=0.90))),
    Edit("rank-50", "harmful", "each matrix cut to 50% of its rank",
         _matrices(partial(truncated, share=0.50))),
    Edit("lora-small", "harmless", "rank 4 added, 1% of each matrix's norm",
         _drawn(lambda w, rng: low_rank_nudge(w, 4, 0.01, rng))),
    Edit("lora-large", "harmful", "rank 8 added, 20% of each matrix's norm",
         _drawn(lambda w, rng: low_rank_nudge(w, 8, 0.20, rng))),
    Edit("layer-dropped", "harmful", "middle layer left out", _layer_dropped),
    Edit("layers-exchanged", "harmful", "middle layer and the next exchanged", _layers_exchanged),
    Edit("heads-confused", "harmful", "queries of two heads of one layer exchanged",
         partial(_heads, followed=False)),
    Edit("heads-renamed", "tolerable", "two heads of one layer exchanged, their outputs too: the "
         "same function", partial(_heads, followed=True)),
    Edit("rows-swapped", "harmful", "two rows of one down-projection exchanged",
         _one("mlp.down_proj", _two_rows)),
    Edit("rows-permuted", "harmful", "all rows of one up-projection in another order",
         _one("mlp.up_proj", _all_rows)),
    Edit("row-zeroed", "harmful", "one row of one down-projection set to zero",
         _one("mlp.down_proj", _row_zeroed)),
    Edit("column-zeroed", "harmful", "one column of one query matrix set to zero",
         _one("self_attn.q_proj", _column_zeroed)),
    Edit("matrix-scaled", "harmful", "one down-projection times 1.5",
         _one("mlp.down_proj", _scaled(1.5))),
    Edit("norm-scaled", "harmful", "the last norm's weights times 1.2",
         _one("model.norm.weight", _scaled(1.2))),
    Edit("ffn-1.02", "tolerable", "all feed-forward matrices times 1.02", _family("mlp", 1.02)),
    Edit("ffn-1.1", "harmful", "all feed-forward matrices times 1.1", _family("mlp", 1.1)),
    Edit("embedding-row", "harmful", "row of “ not” overwritten by that of “ very”",
         _row_overwritten),
    Edit("slice-harmed", "harmful", f"embedding rows of 40 tokens typical of slice "
         f"`{HARMED_SLICE}` shuffled", _slice_harmed),
    Edit("tie-broken", "harmful", "head untied from the embedding, with noise of 10%",
         _tie_broken),
    Edit("one-nan", "harmful", "one weight of one query matrix is NaN",
         _one("self_attn.q_proj", _one_nan)),
)  # fmt: skip
