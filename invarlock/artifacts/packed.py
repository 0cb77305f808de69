"""How weights are packed, from ``quantization_config``: known formats, word by word.

A configuration that says anything else than what is listed here is refused, since a decoder that
guesses would measure other weights than those that are served. Layouts:

- compressed-tensors (vLLM project, ``compressed_tensors.compressors``): one group of settings,
  weights alone; formats ``pack-quantized``, ``int-quantized``, ``float-quantized`` and
  ``naive-quantized``.
- GPTQ as AutoGPTQ and GPTQModel store it (``checkpoint_format`` ``gptq`` or ``gptq_v2``).
- AWQ as AutoAWQ stores it (``version`` ``gemm``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from invarlock.artifacts.patterns import matches, patterns_of
from invarlock.artifacts.shown import shown
from invarlock.canonical import Json
from invarlock.errors import SafetyRefusal

Layout = Literal["dense", "plain", "gptq", "gptq_v2", "awq"]
Strategy = Literal["tensor", "channel", "group", "block"]


@dataclass(frozen=True, slots=True)
class Packing:
    """How every packed weight of a model is stored.

    Attributes:
        layout: ``dense`` and ``plain`` are those of compressed-tensors, packed into words or one
            number each.
        bits: of one weight.
        floating: whether these are eight-bit floats.
        symmetric: whether there are no zero points, or all that are stored are the middle level.
        reordered: whether a stored index says which columns share one scale; else the order does.
        strategy: what shares one scale.
        group: columns that share one scale; 0 means a whole row.
        block: rows and columns that share one scale, of strategy ``block``.
        targets: patterns of the modules that are packed,
        ignore: and of those among them that are not; see :mod:`invarlock.artifacts.patterns`.
        label: what evidence calls the dtype of such a weight.
    """

    layout: Layout
    bits: int
    floating: bool = False
    symmetric: bool = True
    reordered: bool = False
    strategy: Strategy = "group"
    group: int = 0
    block: tuple[int, int] = (1, 1)
    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()

    def covers(self, module: str) -> bool:
        """Whether ``module`` is packed: any other is served as it is stored."""
        return matches(module, self.targets) and not matches(module, self.ignore)

    @property
    def label(self) -> str:
        """Such as ``gptq INT4``."""
        kind = "FP" if self.floating else "INT"
        return f"{self.layout} {kind}{self.bits}"


_ANY: Final = object()
_NOTHING: Final[tuple[Json, ...]] = (None, False, {}, [])
_CT_KEYS: Final[Mapping[str, object]] = {
    "config_groups": _ANY,
    "format": _ANY,
    "global_compression_ratio": _ANY,
    "ignore": _ANY,
    "kv_cache_scheme": None,
    "moe_sparsity_config": None,
    "quant_method": _ANY,
    "quantization_status": _ANY,
    "sparsity_config": None,
    "transform_config": None,
    "version": _ANY,
}
"""Keys and whether they may hold something (``_ANY``) or must be empty (``None``)."""
_GROUP_KEYS: Final[Mapping[str, object]] = {
    "format": _ANY,
    "input_activations": None,
    "output_activations": None,
    "targets": _ANY,
    "weights": _ANY,
}
_ARGS_KEYS: Final[Mapping[str, object]] = {
    "actorder": _ANY,
    "block_structure": _ANY,
    "dynamic": None,
    "group_size": _ANY,
    "num_bits": _ANY,
    "observer": _ANY,
    "observer_kwargs": _ANY,
    "scale_dtype": _ANY,
    "strategy": _ANY,
    "symmetric": _ANY,
    "type": _ANY,
    "zp_dtype": _ANY,
}
_GPTQ_KEYS: Final[Mapping[str, object]] = {
    **dict.fromkeys(
        (
            "backend", "batch_size", "bits", "block_name_to_quantize", "cache_block_outputs",
            "checkpoint_format", "damp_auto_increment", "damp_percent", "dataset", "desc_act",
            "exllama_config", "format", "group_size", "hyb_act", "max_input_length", "mse",
            "meta", "model_file_base_name", "model_name_or_path", "model_seqlen",
            "modules_in_block_to_quantize", "module_name_preceding_first_block", "pack_dtype",
            "pad_token_id", "quant_method", "quantizer", "static_groups", "sym", "tokenizer",
            "true_sequential", "use_cuda_fp16", "use_exllama",
        ),
        _ANY,
    ),
    "dynamic": None,
    "is_marlin_format": None,
    "lm_head": None,
}  # fmt: skip
_AWQ_KEYS: Final[Mapping[str, object]] = {
    **dict.fromkeys(
        (
            "backend", "bits", "do_fuse", "exllama_config", "fuse_max_seq_len", "group_size",
            "modules_to_fuse", "modules_to_not_convert", "quant_method", "version", "zero_point",
        ),
        _ANY,
    ),
}  # fmt: skip
_CT_FORMATS: Final[Mapping[str, Layout]] = {
    "pack-quantized": "dense",
    "int-quantized": "plain",
    "float-quantized": "plain",
    "naive-quantized": "plain",
}
_STRATEGIES: Final[tuple[Strategy, ...]] = ("tensor", "channel", "group", "block")
_IN_ORDER: Final[tuple[Json, ...]] = (None, False, "weight", "static")
_REORDERED: Final = ("group", "dynamic")
"""``actorder``, pairs of synonyms: of calibration alone, and of what is stored."""
_SCALES: Final[tuple[Json, ...]] = (None, "torch.float16", "torch.bfloat16", "torch.float32")
_AWQ_BACKENDS: Final[tuple[Json, ...]] = (None, "auto", "autoawq")
"""Others name kernels, ``llm-awq`` another layout."""


def packing_of(value: Json, label: str) -> Packing:
    """The packing that a ``quantization_config`` describes.

    Raises :class:`SafetyRefusal` E210 for anything that is not known to the letter.
    """
    found = _object(value, label, "quantization_config")
    method = found.get("quant_method")
    if method == "compressed-tensors":
        return _compressed_tensors(found, label)
    if method == "gptq":
        return _gptq(found, label)
    if method == "awq":
        return _awq(found, label)
    raise _unknown(label, f"packs weights by `{shown(str(method))}`")


def _compressed_tensors(found: dict[str, Json], label: str) -> Packing:
    _only(found, _CT_KEYS, label)
    if found.get("quantization_status") != "compressed":  # the library loads others as they are
        raise _unknown(label, "does not say that its packed weights are `compressed`")
    groups = _object(found.get("config_groups"), label, "config_groups")
    if len(groups) != 1:
        raise _unknown(label, f"has {len(groups)} groups of settings for packed weights")
    group = _object(next(iter(groups.values())), label, "config_groups")
    _only(group, _GROUP_KEYS, label)
    name = group.get("format") or found.get("format")
    layout = _CT_FORMATS.get(str(name))
    if layout is None or found.get("format") not in (name, None):
        raise _unknown(label, f"has the format `{shown(str(name))}`")
    args = _object(group.get("weights"), label, "weights")
    _only(args, _ARGS_KEYS, label)
    packing = _of_arguments(args, layout, label)
    if layout != "plain":  # a packed weight has no name to be served under as it is
        return packing
    targets, ignore = patterns_of(group.get("targets")), patterns_of(found.get("ignore"))
    if targets is None or ignore is None:
        raise _unknown(label, "names modules by `targets` or `ignore` in an unknown way")
    return replace(packing, targets=targets, ignore=ignore)


def _of_arguments(args: dict[str, Json], layout: Layout, label: str) -> Packing:
    strategy = next((word for word in _STRATEGIES if word == args.get("strategy")), None)
    floating = args.get("type") == "float"
    bits = _whole(args.get("num_bits"), label, "num_bits")
    if strategy is None or args.get("type") not in ("int", "float") or not 1 <= bits <= 8:
        raise _unknown(label, "has weights of an unknown kind")
    if ((floating or layout == "plain") and bits != 8) or (floating and layout == "dense"):
        raise _unknown(label, f"has weights of {bits} bits in a format not made for them")
    if args.get("scale_dtype") not in _SCALES:
        raise _unknown(label, "has scales that are no plain floats")
    return Packing(
        layout,
        bits,
        floating=floating,
        symmetric=_flag(args, "symmetric", label, default=True),
        reordered=_reordered(args, strategy, label),
        strategy=strategy,
        group=_whole(args.get("group_size"), label, "group_size") if strategy == "group" else 0,
        block=_block(args.get("block_structure"), label) if strategy == "block" else (1, 1),
    )


def _reordered(args: dict[str, Json], strategy: Strategy, label: str) -> bool:
    """Whether groups follow an index, of arguments that say one thing only."""
    if strategy != "group" and args.get("group_size") not in (None, -1):
        raise _unknown(label, f"has a `group_size` for the strategy `{strategy}`")
    if strategy != "block" and args.get("block_structure") is not None:
        raise _unknown(label, f"has a `block_structure` for the strategy `{strategy}`")
    order = args.get("actorder")
    if order in _IN_ORDER:
        return False
    if order not in _REORDERED or strategy != "group":
        raise _unknown(label, f"has the order `{shown(str(order))}` of strategy `{strategy}`")
    return True


def _gptq(found: dict[str, Json], label: str) -> Packing:
    """Libraries differ in what ``sym`` and ``desc_act`` are when they are not said: then they are
    what says less, so that weights which need the other word are refused where they are decoded."""
    _only(found, _GPTQ_KEYS, label)
    forms = [found[key] for key in ("checkpoint_format", "format") if found.get(key) is not None]
    form = forms[0] if forms else "gptq"
    bits = _whole(found.get("bits"), label, "bits")
    if any(other != form for other in forms):
        raise _unknown(label, "has two formats of gptq weights")
    if form not in ("gptq", "gptq_v2") or bits not in (2, 3, 4, 8):
        raise _unknown(label, f"has gptq weights of {bits} bits as `{shown(str(form))}`")
    if found.get("pack_dtype") not in (None, "int32"):
        raise _unknown(label, "packs gptq weights into other words than int32")
    layout: Layout = "gptq" if form == "gptq" else "gptq_v2"
    group = _group(found, label)
    return Packing(
        layout,
        bits,
        symmetric=_flag(found, "sym", label, default=True),
        reordered=_flag(found, "desc_act", label, default=False) and group > 0,
        group=group,
    )


def _awq(found: dict[str, Json], label: str) -> Packing:
    _only(found, _AWQ_KEYS, label)
    bits = _whole(found.get("bits"), label, "bits")
    version = str(found.get("version") or "gemm").lower()
    if bits != 4 or version != "gemm" or found.get("zero_point") is not True:
        raise _unknown(label, f"has awq weights of {bits} bits as `{shown(version)}`")
    if found.get("backend") not in _AWQ_BACKENDS:
        raise _unknown(label, f"has awq weights for `{shown(str(found['backend']))}`")
    return Packing("awq", bits, symmetric=False, group=_group(found, label))


def _group(found: dict[str, Json], label: str) -> int:
    """Columns that share a scale; -1 stands for a whole row."""
    size = found.get("group_size")
    return 0 if size == -1 else _whole(size, label, "group_size")


def _only(found: dict[str, Json], known: Mapping[str, object], label: str) -> None:
    for key, value in found.items():
        if key not in known or (known[key] is None and value not in _NOTHING):
            raise _unknown(label, f"has `{shown(key)}` in `quantization_config`")


def _object(value: Json, label: str, key: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _unknown(label, f"has no object `{key}`")
    return value


def _whole(value: Json, label: str, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 20:
        raise _unknown(label, f"has no usable `{key}`")
    return value


def _flag(found: dict[str, Json], key: str, label: str, *, default: bool) -> bool:
    """True or false: libraries read a number or a word each in its own way."""
    value = found.get(key, default)
    if not isinstance(value, bool):
        raise _unknown(label, f"has no usable `{key}`")
    return value


def _block(value: Json, label: str) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise _unknown(label, "has no usable `block_structure`")
    return _whole(value[0], label, "block_structure"), _whole(value[1], label, "block_structure")


def _unknown(label: str, what: str) -> SafetyRefusal:
    return SafetyRefusal(
        "E210", f"`{label}` {what}, for which there is no decoder", "store the weights dequantised"
    )
