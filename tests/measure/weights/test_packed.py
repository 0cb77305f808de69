"""Decoders of packed weights: against the library that packs, and against layouts built by hand."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from invarlock.artifacts.model_files import open_model
from invarlock.errors import SafetyRefusal
from invarlock.measure.weights.model import weights_of
from invarlock.measure.weights.packed import PackedWeight
from invarlock.measure.weights.parts import unpack
from tests.measure.arms import measure
from tests.measure.tiny import make_model, prose, write_data

Array = np.ndarray[Any, Any]
Json = dict[str, Any]
NAME = "model.layers.0.mlp.up_proj"
DRAW = np.random.default_rng(21)


def write(folder: Path, config: Json, parts: dict[str, torch.Tensor]) -> Path:
    """A folder with one packed module, and a tensor stored plainly."""
    folder.mkdir(exist_ok=True)
    document = {"model_type": "llama", "quantization_config": config}
    (folder / "config.json").write_text(json.dumps(document))
    named = {f"{NAME}.{part}": tensor.contiguous() for part, tensor in parts.items()}
    save_file({**named, "model.norm.weight": torch.ones(8)}, folder / "model.safetensors")
    return folder


def decoded(folder: Path) -> tuple[Array, str]:
    with open_model(folder) as files:
        assert "quantization_config" not in files.config
        weights = weights_of(files)
        assert list(weights) == [f"{NAME}.weight", "model.norm.weight"]
        weight = weights[f"{NAME}.weight"]
        assert isinstance(weight, PackedWeight)
        whole = weight.whole()
        assert whole.shape == weight.shape
        view = weight.view()
        assert np.array_equal(view.rows(1, 2), whole[1:3])
        assert np.array_equal(view.columns(3, 4), whole[:, 3:7])
        return whole, weight.dtype


# --- compressed-tensors: packed and unpacked by the library itself -------------------------------


def _library() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import compressed_tensors.compressors
        import compressed_tensors.quantization

        return compressed_tensors


def compressed(
    form: str, shape: tuple[int, int], **args: Any
) -> tuple[Json, dict[str, torch.Tensor], Array]:
    """Configuration, parts and effective weight, as the library makes them."""
    ct = _library()
    settings = ct.quantization.QuantizationArgs(**args)
    scheme = ct.quantization.QuantizationScheme(targets=["Linear"], weights=settings, format=form)
    config = ct.quantization.QuantizationConfig(
        config_groups={"group_0": scheme},
        format=form,
        ignore=["lm_head"],
        quantization_status="compressed",
    ).to_dict()
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(5))
    state = {"weight": weight, **_parameters(weight, settings)}
    compressor = ct.compressors.BaseCompressor.get_value_from_registry(form)
    packed = compressor.compress(state, scheme)
    return config, packed, compressor.decompress(packed, scheme)["weight"].float().numpy()


def _parameters(weight: torch.Tensor, args: Any) -> dict[str, torch.Tensor]:
    """Scales, and zero points of asymmetric weights, in the shape that each strategy has."""
    rows, columns = weight.shape
    strategy = str(args.strategy)
    if strategy == "group":
        parts = weight.reshape(rows, -1, args.group_size)
    elif strategy == "channel":
        parts = weight.reshape(rows, 1, columns)
    elif strategy == "block":
        down, across = args.block_structure
        parts = weight.reshape(rows // down, down, columns // across, across)
        parts = parts.transpose(1, 2).reshape(rows // down, columns // across, -1)
    else:
        parts = weight.reshape(1, 1, -1)
    top = 448.0 if args.type == "float" else 2 ** (args.num_bits - 1) - 1
    if args.symmetric:
        scale = parts.abs().amax(-1) / top
        return {"weight_scale": scale.reshape(-1) if strategy == "tensor" else scale}
    low, high = parts.amin(-1), parts.amax(-1)
    scale = (high - low) / (2**args.num_bits - 1)
    zero = (-(2 ** (args.num_bits - 1)) - low / scale).round().to(torch.int8)
    return {"weight_scale": scale, "weight_zero_point": zero}


CASES: dict[str, tuple[str, Json]] = {
    "int4 in groups": ("pack-quantized", {"num_bits": 4, "strategy": "group", "group_size": 32}),
    "int4 in rows": ("pack-quantized", {"num_bits": 4, "strategy": "channel"}),
    "int4 in one": ("pack-quantized", {"num_bits": 4, "strategy": "tensor"}),
    "int3 in groups": ("pack-quantized", {"num_bits": 3, "strategy": "group", "group_size": 32}),
    "int8 in rows": ("pack-quantized", {"num_bits": 8, "strategy": "channel"}),
    "int4 with zero points": (
        "pack-quantized",
        {"num_bits": 4, "strategy": "group", "group_size": 32, "symmetric": False},
    ),
    "int3 rows with zero points": (
        "pack-quantized",
        {"num_bits": 3, "strategy": "channel", "symmetric": False},
    ),
    "plain int8": ("int-quantized", {"num_bits": 8, "strategy": "channel"}),
    "plain int8 with zero points": (
        "naive-quantized",
        {"num_bits": 8, "strategy": "channel", "symmetric": False},
    ),
    "float8": ("float-quantized", {"num_bits": 8, "strategy": "channel", "type": "float"}),
    "float8 in blocks": (
        "float-quantized",
        {"num_bits": 8, "strategy": "block", "block_structure": [16, 32], "type": "float"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_compressed_tensors_decode_to_what_the_library_gives(name: str, tmp_path: Path) -> None:
    form, args = CASES[name]
    config, parts, expected = compressed(form, (48, 96), **{"type": "int", **args})
    found, label = decoded(write(tmp_path / "m", config, parts))
    assert found.dtype == np.float32
    assert np.allclose(found, expected, rtol=1e-6, atol=0)
    assert label.endswith(("INT3", "INT4", "INT8", "FP8"))


def test_columns_that_end_inside_a_word(tmp_path: Path) -> None:
    args = {"num_bits": 4, "type": "int", "strategy": "channel"}
    config, parts, expected = compressed("pack-quantized", (5, 43), **args)
    found, _ = decoded(write(tmp_path / "m", config, parts))
    assert np.allclose(found, expected, rtol=1e-6, atol=0)


def reordered() -> tuple[Json, dict[str, torch.Tensor], Array]:
    """As :func:`compressed`, told that an index says what shares a scale: only older releases of
    the library write one. The effective weight is that without it."""
    config, parts, plain = compressed("pack-quantized", (48, 96), **GOOD)
    group(config)["weights"]["actorder"] = "group"
    return config, parts, plain


def test_groups_by_stored_index(tmp_path: Path) -> None:
    config, parts, plain = reordered()
    order = torch.from_numpy(DRAW.permutation(np.arange(96) // 32).astype(np.int32))
    found, _ = decoded(write(tmp_path / "m", config, {**parts, "weight_g_idx": order}))
    levels = plain / parts["weight_scale"].repeat_interleave(32, dim=1).numpy()
    expected = levels * parts["weight_scale"][:, order.long()].numpy()
    assert np.allclose(found, expected, rtol=1e-5, atol=0)
    unused = torch.full((96,), -1, dtype=torch.int32)
    again, _ = decoded(write(tmp_path / "m", config, {**parts, "weight_g_idx": unused}))
    assert np.array_equal(again, plain)


# --- GPTQ and AWQ: layouts built by hand ---------------------------------------------------------


def words(numbers: Array, bits: int, order: tuple[int, ...] | None = None) -> Array:
    """Rows of unsigned numbers, one after another in int32 words, a word in ``order`` if given."""
    rows = [[int(number) for number in row] for row in numbers]
    if order is not None:
        size = len(order)
        rows = [
            [row[at + place] for at in range(0, len(row), size) for place in order] for row in rows
        ]
    out = []
    for row in rows:
        whole = sum(number << (bits * place) for place, number in enumerate(row))
        count = -(-len(row) * bits // 32)
        out.append([(whole >> (32 * word)) & 0xFFFFFFFF for word in range(count)])
    return np.array(out, dtype=np.uint32).view(np.int32)


def linear(bits: int, inputs: int, outputs: int, group: int) -> tuple[Array, Array, Array, Array]:
    """Levels (inputs, outputs), zeros and scales (groups, outputs), and the group of each input."""
    groups = np.arange(inputs) // group
    levels = DRAW.integers(0, 2**bits, (inputs, outputs))
    zeros = DRAW.integers(1, 2**bits, (inputs // group, outputs))
    scales = DRAW.uniform(0.5, 2, (inputs // group, outputs)).astype(np.float16)
    return levels, zeros, scales, groups


def tensors(**parts: Array) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(part)) for name, part in parts.items()}


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("form", ["gptq", "gptq_v2"])
def test_gptq(bits: int, form: str, tmp_path: Path) -> None:
    levels, zeros, scales, groups = linear(bits, 64, 32, 32)
    groups = DRAW.permutation(groups)
    config = {
        "quant_method": "gptq", "bits": bits, "group_size": 32, "desc_act": True, "sym": False,
        "checkpoint_format": form,
    }  # fmt: skip
    parts = tensors(
        qweight=words(levels.T, bits).T,
        qzeros=words(zeros - (form == "gptq"), bits),
        scales=scales,
        g_idx=groups.astype(np.int32),
    )
    found, label = decoded(write(tmp_path / "m", config, parts))
    expected = ((levels - zeros[groups]) * scales[groups].astype(np.float32)).T
    assert np.array_equal(found, expected.astype(np.float32))
    assert label == f"{form} INT{bits}"


def test_awq(tmp_path: Path) -> None:
    levels, zeros, scales, groups = linear(4, 64, 32, 16)
    order = (0, 2, 4, 6, 1, 3, 5, 7)
    config = {
        "quant_method": "awq", "bits": 4, "group_size": 16, "zero_point": True, "version": "gemm",
    }  # fmt: skip
    parts = tensors(qweight=words(levels, 4, order), qzeros=words(zeros, 4, order), scales=scales)
    found, label = decoded(write(tmp_path / "m", config, parts))
    expected = ((levels - zeros[groups]) * scales[groups].astype(np.float32)).T
    assert np.array_equal(found, expected.astype(np.float32))
    assert label == "awq INT4"


@pytest.mark.parametrize("bits", range(1, 9))
def test_bits_across_words(bits: int) -> None:
    numbers = DRAW.integers(0, 2**bits, (4, 50))
    assert np.array_equal(unpack(words(numbers, bits), bits, 50), numbers)


# --- what does not fit, and what is not known ----------------------------------------------------

GOOD = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32}


def refusal(folder: Path) -> str:
    with pytest.raises(SafetyRefusal) as caught, open_model(folder) as files:
        for weight in weights_of(files).values():
            weight.view().rows(0, 1)
    return caught.value.code


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts.pop("weight_scale"),
        lambda parts: parts.pop("weight_shape"),
        lambda parts: parts.update(weight_scale=torch.ones(48, 2)),
        lambda parts: parts.update(weight_scale=torch.ones(0, 3)),
        lambda parts: parts.update(weight_shape=torch.tensor([48, 97])),
        lambda parts: parts.update(weight_shape=torch.tensor([0, 96])),
        lambda parts: parts.update(weight_shape=torch.tensor([-48, 96])),
        lambda parts: parts.update(weight_shape=torch.tensor([48, 96, 1])),
        lambda parts: parts.update(weight_shape=torch.tensor([48.0, float("nan")])),
        lambda parts: parts.update(weight=torch.ones(48, 96)),
        lambda parts: parts.update(weight_packed=torch.ones(48, 12)),
        lambda parts: parts.update(weight_packed=torch.ones(2, 48, 6, dtype=torch.int32)),
        lambda parts: parts.update(weight_scale=torch.ones(48, 3, dtype=torch.int8)),
    ],
)
def test_parts_that_do_not_fit(change: Callable[[Any], Any], tmp_path: Path) -> None:
    config, parts, _ = compressed("pack-quantized", (48, 96), **GOOD)
    assert decoded(write(tmp_path / "m", config, parts))[0].shape == (48, 96)
    change(parts)
    assert refusal(write(tmp_path / "m", config, parts)) == "E207"


@pytest.mark.parametrize(
    "index",
    [
        torch.full((96,), 3, dtype=torch.int32),
        torch.zeros(95, dtype=torch.int32),
        torch.full((96,), float("nan")),
        None,
    ],
)
def test_an_index_that_does_not_fit(index: torch.Tensor | None, tmp_path: Path) -> None:
    config, parts, _ = reordered()
    good = {**parts, "weight_g_idx": torch.arange(96, dtype=torch.int32) // 32}
    assert decoded(write(tmp_path / "m", config, good))[0].shape == (48, 96)
    bad = parts if index is None else {**parts, "weight_g_idx": index}
    assert refusal(write(tmp_path / "m", config, bad)) == "E207"


@pytest.mark.parametrize("point", [0, 5])
@pytest.mark.parametrize("name", ["int4 in groups", "int4 in one", "plain int8", "float8"])
def test_zero_points_of_symmetric_weights_are_refused(
    name: str, point: int, tmp_path: Path
) -> None:
    form, args = CASES[name]
    config, parts, expected = compressed(form, (48, 96), **{"type": "int", **args})
    assert "weight_zero_point" not in parts  # the library writes none
    found, _ = decoded(write(tmp_path / "m", config, parts))
    assert np.allclose(found, expected, rtol=1e-6, atol=0)
    points = torch.full_like(parts["weight_scale"], point).to(torch.int8)
    assert refusal(write(tmp_path / "m", config, {**parts, "weight_zero_point": points})) == "E207"


@pytest.mark.parametrize("name", ["int4 in groups", "int4 in rows", "plain int8"])
@pytest.mark.parametrize("actorder", [None, "weight", "static"])
def test_an_index_that_settings_do_not_tell_of_is_refused(
    name: str, actorder: str | None, tmp_path: Path
) -> None:
    form, args = CASES[name]
    config, parts, expected = compressed(
        form, (48, 96), **{"type": "int", "actorder": actorder, **args}
    )
    found, _ = decoded(write(tmp_path / "m", config, parts))
    assert np.allclose(found, expected, rtol=1e-6, atol=0)
    index = torch.arange(96, dtype=torch.int32).flip(0) // 32
    assert refusal(write(tmp_path / "m", config, {**parts, "weight_g_idx": index})) == "E207"


@pytest.mark.parametrize(
    ("targets", "ignore", "covered"),
    [
        (["Linear"], [], True),
        (["Linear"], ["lm_head", "model.layers.0.mlp", "model.layers.?.mlp.up_proj"], True),
        (["Linear"], [r"re:.*mlp\.gate$", "re:.*router.*"], True),
        ([r"re:model\.layers\..*_proj$"], [], True),
        (["Linear"], [NAME], False),
        (["Linear"], ["Linear"], False),
        (["Linear"], ["re:.*mlp.*"], False),
        (["Linear"], ["re:^model.layers.0"], False),
        (["re:.*down_proj$"], [], False),
        (["re:mlp"], [], False),
        ([], [], False),
    ],
)
@pytest.mark.parametrize("name", ["plain int8", "float8"])
def test_modules_that_are_served_as_they_are_stored(
    name: str, targets: list[str], ignore: list[str], *, covered: bool, tmp_path: Path
) -> None:
    form, args = CASES[name]
    config, parts, expected = compressed(form, (48, 96), **{"type": "int", **args})
    config["ignore"] = ignore
    group(config)["targets"] = targets
    folder = write(tmp_path / "m", config, parts)
    if covered:
        assert np.allclose(decoded(folder)[0], expected, rtol=1e-6, atol=0)
    else:
        assert refusal(folder) == "E207"


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("ignore", "re:(a+)+$"),
        ("ignore", "re:.*(gate|up)_proj"),
        ("ignore", "re:.**"),
        ("ignore", "Module"),
        ("ignore", 1),
        ("ignore", ""),
        ("targets", "re:(?i)model.*"),
    ],
)
def test_modules_named_in_an_unknown_way(key: str, entry: object, tmp_path: Path) -> None:
    config, parts, _ = compressed("int-quantized", (48, 96), num_bits=8, strategy="channel")
    decoded(write(tmp_path / "m", config, parts))
    (config if key == "ignore" else group(config))[key] = [entry]
    assert refusal(write(tmp_path / "m", config, parts)) == "E210"


MIDDLE = np.full((2, 32), 8)
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": True, "desc_act": False}
ORDER = np.arange(64, dtype=np.int32) // 32


def gptq(zeros: Array, form: str = "gptq", **more: Array) -> dict[str, torch.Tensor]:
    levels, _, scales, _ = linear(4, 64, 32, 32)
    qzeros = words((zeros - (form == "gptq")) % 16, 4)
    return tensors(qweight=words(levels.T, 4).T, qzeros=qzeros, scales=scales, **more)


@pytest.mark.parametrize("form", ["gptq", "gptq_v2"])
@pytest.mark.parametrize("told", [{"sym": True}, {}])
def test_zero_points_of_symmetric_gptq_are_the_middle(
    form: str, told: Json, tmp_path: Path
) -> None:
    config = {key: value for key, value in GPTQ.items() if key != "sym"}
    config |= {"checkpoint_format": form, **told}
    decoded(write(tmp_path / "m", config, gptq(MIDDLE, form)))
    for at, point in ((0, 7), (1, 9), (0, 1)):
        odd = MIDDLE.copy()
        odd[at, 5] = point
        parts = gptq(odd, form)
        decoded(write(tmp_path / "m", {**config, "sym": False}, parts))
        assert refusal(write(tmp_path / "m", config, parts)) == "E207"


def test_a_zero_point_that_outgrows_its_bits_is_refused(tmp_path: Path) -> None:
    """Some kernels take sixteen for 0, and others for 16."""
    config = {**GPTQ, "sym": False}
    decoded(write(tmp_path / "m", config, gptq(np.full((2, 32), 15))))
    assert refusal(write(tmp_path / "m", config, gptq(np.full((2, 32), 16)))) == "E207"
    decoded(write(tmp_path / "m", {**config, "format": "gptq_v2"}, gptq(MIDDLE * 0, "gptq_v2")))


@pytest.mark.parametrize("told", [{"desc_act": False}, {}])
def test_gptq_in_order_has_no_other_index(told: Json, tmp_path: Path) -> None:
    config = {key: value for key, value in GPTQ.items() if key != "desc_act"} | told
    found, _ = decoded(write(tmp_path / "m", config, gptq(MIDDLE)))
    assert found.shape == (32, 64)
    decoded(write(tmp_path / "m", config, gptq(MIDDLE, g_idx=ORDER)))
    turned = gptq(MIDDLE, g_idx=ORDER[::-1])
    decoded(write(tmp_path / "m", {**config, "desc_act": True}, turned))
    assert refusal(write(tmp_path / "m", config, turned)) == "E207"
    unfilled = gptq(MIDDLE, g_idx=np.full_like(ORDER, -1))  # kernels would look up the last group
    assert refusal(write(tmp_path / "m", config, unfilled)) == "E207"


def test_gptq_out_of_order_has_an_index(tmp_path: Path) -> None:
    config = {**GPTQ, "desc_act": True}
    assert refusal(write(tmp_path / "m", config, gptq(MIDDLE))) == "E207"
    decoded(write(tmp_path / "m", config, gptq(MIDDLE, g_idx=ORDER)))


def test_gptq_that_ends_inside_a_word_is_refused(tmp_path: Path) -> None:
    parts = gptq(MIDDLE)
    decoded(write(tmp_path / "m", GPTQ, parts))
    cut = {name: tensor[:, :31] for name, tensor in parts.items()}
    cut["qzeros"] = parts["qzeros"][:, :3]
    assert refusal(write(tmp_path / "m", GPTQ, cut)) == "E207"


def test_zero_points_that_are_not_there(tmp_path: Path) -> None:
    config, parts, _ = compressed("pack-quantized", (48, 96), **GOOD)
    config["config_groups"]["group_0"]["weights"]["symmetric"] = False
    assert refusal(write(tmp_path / "m", config, parts)) == "E207"


def test_a_configuration_without_packed_weights(tmp_path: Path) -> None:
    config, _, _ = compressed("pack-quantized", (48, 96), **GOOD)
    assert refusal(write(tmp_path / "m", config, {})) == "E207"


def group(config: Json) -> Json:
    found: Json = config["config_groups"]["group_0"]
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.update(quant_method="bitsandbytes"),
        lambda config: config.update(quant_method=None),
        lambda config: config.update(format="nvfp4-pack-quantized"),
        lambda config: config.update(mystery=1),
        lambda config: config.update(kv_cache_scheme={"num_bits": 8}),
        lambda config: config.update(sparsity_config={"format": "sparse-bitmask"}),
        lambda config: config["config_groups"].update(group_1=group(config)),
        lambda config: config.update(config_groups={}),
        lambda config: group(config).update(input_activations={"num_bits": 8}),
        lambda config: group(config).update(format="int-quantized"),
        lambda config: group(config)["weights"].update(num_bits=9),
        lambda config: group(config)["weights"].update(num_bits=True),
        lambda config: group(config)["weights"].update(strategy="token"),
        lambda config: group(config)["weights"].update(type="float"),
        lambda config: group(config)["weights"].update(group_size=None),
        lambda config: group(config)["weights"].update(dynamic=True),
        lambda config: group(config).update(weights=None),
        lambda config: group(config)["weights"].update(symmetric=0),
        lambda config: group(config)["weights"].update(symmetric="false"),
        lambda config: group(config)["weights"].update(actorder="groups"),
        lambda config: group(config)["weights"].update(actorder=True),
        lambda config: group(config)["weights"].update(strategy="channel"),
        lambda config: group(config)["weights"].update(
            strategy="channel", group_size=None, actorder="group"
        ),
        lambda config: group(config)["weights"].update(block_structure=[16, 32]),
        lambda config: group(config)["weights"].update(scale_dtype="torch.uint8"),
        lambda config: config.update(quantization_status="frozen"),
        lambda config: config.pop("quantization_status"),
    ],
)
def test_what_is_not_known_to_the_letter_is_refused(
    change: Callable[[Any], Any], tmp_path: Path
) -> None:
    config, parts, _ = compressed("pack-quantized", (48, 96), **GOOD)
    assert decoded(write(tmp_path / "m", config, parts))[0].shape == (48, 96)
    change(config)
    assert refusal(write(tmp_path / "m", config, parts)) == "E210"


@pytest.mark.parametrize(
    "config",
    [
        {"quant_method": "gptq", "bits": 5, "group_size": 32},
        {"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "marlin"},
        {"quant_method": "gptq", "bits": 4, "group_size": 32, "pack_dtype": "int64"},
        {"quant_method": "gptq", "bits": 4, "group_size": 32, "dynamic": {"-:lm_head": {}}},
        {"quant_method": "gptq", "bits": 4, "group_size": 0},
        {"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": None},
        {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": 0},
        {
            "quant_method": "gptq", "bits": 4, "group_size": 32,
            "checkpoint_format": "gptq", "format": "gptq_v2",
        },
        {
            "quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True,
            "backend": "llm-awq",
        },
        {"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemv"},
        {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": False},
        {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True, "odd": 1},
    ],
)  # fmt: skip
def test_gptq_and_awq_of_other_kinds_are_refused(config: Json, tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "m", config, {})) == "E210"


# --- a whole model -------------------------------------------------------------------------------


def export(source: Path, folder: Path, bits: int) -> Path:
    """A real export: every linear matrix of the layers compressed by the library."""
    ct = _library()
    settings = ct.quantization.QuantizationArgs(num_bits=bits, type="int", strategy="channel")
    scheme = ct.quantization.QuantizationScheme(
        targets=["Linear"], weights=settings, format="pack-quantized"
    )
    config = ct.quantization.QuantizationConfig(
        config_groups={"group_0": scheme},
        format="pack-quantized",
        ignore=["lm_head"],
        quantization_status="compressed",
    )
    folder.mkdir()
    for path in source.iterdir():
        if path.suffix != ".safetensors":
            (folder / path.name).write_bytes(path.read_bytes())
    compressor = ct.compressors.PackedQuantizationCompressor
    state: dict[str, torch.Tensor] = {}
    for name, weight in load_file(source / "model.safetensors").items():
        if not name.endswith("_proj.weight"):
            state[name] = weight
            continue
        given = {"weight": weight, **_parameters(weight, settings)}
        packed = compressor.compress(given, scheme)
        state |= {name.replace("weight", part): tensor for part, tensor in packed.items()}
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    document = json.loads((source / "config.json").read_text())
    document["quantization_config"] = config.to_dict()
    (folder / "config.json").write_text(json.dumps(document))
    return folder


def test_an_export_is_measured_under_the_baselines_names(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data.jsonl", prose())
    baseline = make_model(tmp_path / "m")
    fine, coarse = (
        measure(
            tmp_path / f"run{bits}", baseline, export(baseline, tmp_path / f"int{bits}", bits), data
        )
        for bits in (8, 3)
    )
    for outcome in (fine, coarse):
        assert outcome.subject_tensors.keys() == outcome.baseline_tensors.keys()
        matrices = [t for t in outcome.subject_tensors.values() if t.drift is not None]
        assert all(t.drift is not None and t.drift.turned_rows == 0 for t in matrices)
        assert {t.dtype for t in matrices} >= {"F32"}
    assert "dense INT8" in {t.dtype for t in fine.subject_tensors.values()}
    assert 0 < abs(fine.kl).mean() < abs(coarse.kl).mean() / 20
