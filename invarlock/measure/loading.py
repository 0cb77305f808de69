"""A checked model folder into a model on the CPU, by the model library.

The library gets a configuration and tensors, never the folder: so no key of a configuration can
point it to other files, and what was hashed is what is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from invarlock.artifacts.model_files import ModelFiles
from invarlock.errors import EnvironmentFault, SafetyRefusal
from invarlock.evidence.schema import Dtype
from invarlock.measure.postpone import META_KERNELS, run_now
from invarlock.measure.weights.model import weights_of
from invarlock.measure.weights.packed import PackedWeight

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel

# What constructors of the model library raise on configurations nobody has trained.
_BAD_CONFIG: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_KINDS: Final = {
    "CAUSAL_LM": "causal language model",
    "MASKED_LM": "masked language model",
    "SEQ_TO_SEQ_CAUSAL_LM": "sequence-to-sequence language model",
    "SEQUENCE_CLASSIFICATION": "model with a classification head",
}
_OUT_OF_MEMORY: Final = "allocate memory"
_POSITIONS: Final = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "max_target_positions",
    "n_ctx",
    "context_length",
)
"""Keys for the longest run of tokens that a model is made for; the first one present decides."""


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A model in evaluation mode; ``unexpected`` stored tensors are not used by it."""

    model: PreTrainedModel
    unexpected: int

    @property
    def vocabulary(self) -> int:
        """Token ids that the model can embed."""
        table: Any = self.model.get_input_embeddings()
        return int(table.weight.shape[0])


def quiet() -> None:
    """No progress bars or warnings of the model library."""
    from transformers.utils import logging

    talk: Any = logging
    talk.set_verbosity_error()
    talk.disable_progress_bar()


def import_library(files: ModelFiles, models: str) -> None:
    """Import what :func:`load_model` will need; a thread does it while others have work that lets
    it run. Raises like :func:`read_config`."""
    quiet()
    _class_of(read_config(files, models), models)


def use_threads(count: int) -> None:
    """Fix the number of threads: with it, float32 kernels on the CPU give the same digits again.

    ``torch.use_deterministic_algorithms`` is left alone: no kernel of a forward pass on the CPU
    depends on it, and it imports the compiler, which takes as long as importing torch.
    """
    import torch

    torch.set_num_threads(count)


def read_config(files: ModelFiles, models: str = "CAUSAL_LM") -> PretrainedConfig:
    """The configuration as the library's object, its defaults filled in.

    ``models`` names the library's table of classes for a task. Raises :class:`SafetyRefusal` E210
    when the table has no class for it, E206 when the library cannot make sense of it.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers.models.auto import modeling_auto
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind, what = files.config.get("model_type"), _KINDS[models]
    known = getattr(modeling_auto, f"MODEL_FOR_{models}_MAPPING_NAMES")
    if not isinstance(kind, str) or kind not in known:
        raise SafetyRefusal(
            "E210",
            f"`config.json`: model_type `{str(kind)[:80]}` is no built-in {what}",
            f"use a {what}",
        )
    try:
        return CONFIG_MAPPING[kind].from_dict(dict(files.config))
    except (*_BAD_CONFIG, StrictDataclassError) as err:
        raise _refused("E206", "`config.json` is malformed", err) from err


def check_positions(config: PretrainedConfig, length: int) -> None:
    """Refuse windows of ``length`` tokens that are longer than the model is made for.

    Learned positions end there; rotary ones go on, but no one has trained them. Positions that are
    stretched by a factor reach as much further. Raises :class:`SafetyRefusal` E207.
    """
    text = getattr(config, "text_config", None) or config
    for key in _POSITIONS:
        limit = getattr(text, key, None)
        if not isinstance(limit, int) or limit < 1:
            continue
        if limit * _stretch(getattr(text, "rope_parameters", None)) < length:
            raise SafetyRefusal(
                "E207",
                f"windows are {length} tokens long, `{key}` of `config.json` is {limit}",
                f"set `windows.length` to {limit} or less, or use a model made for {length}",
            )
        return


def _stretch(rope: object) -> float:
    """The factor by which rotary positions are stretched, the largest of all kinds of layers."""
    if not isinstance(rope, dict):
        return 1.0
    own = rope.get("factor")
    factor = float(own) if isinstance(own, int | float) else 1.0
    return max(1.0, factor, *(_stretch(inner) for inner in rope.values()))


@contextmanager
def forward_pass() -> Iterator[None]:
    """What a forward pass inside raises, as a refusal of the model.

    Raises :class:`SafetyRefusal` E207; :class:`MemoryError` when memory gives out.
    """
    try:
        yield
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as err:
        if _OUT_OF_MEMORY in str(err):
            raise MemoryError from err
        raise _refused("E207", "the model fails on its own windows", err) from err


def load_model(
    folder: Path,
    files: ModelFiles,
    config: PretrainedConfig,
    models: str = "CAUSAL_LM",
    dtype: Dtype = "float32",
) -> Loaded:
    """The model of ``folder`` in ``dtype`` on the CPU, evaluation mode, without gradients.

    Raises :class:`SafetyRefusal` E207 when tensors are missing or of the wrong shape, E206 when the
    architecture cannot be built from its configuration; :class:`EnvironmentFault` E604 when memory
    gives out.
    """
    try:
        try:
            model, info = _build(folder, files, config, models, dtype)
        except NotImplementedError:  # an operator that has no kernel for tensors without storage
            if not run_now(META_KERNELS):
                raise
            model, info = _build(folder, files, config, models, dtype)
    except _BAD_CONFIG as err:
        if _OUT_OF_MEMORY in str(err):
            raise MemoryError from err
        raise _refused("E206", "the model cannot be built from `config.json`", err) from err
    _check_fit(info)
    return Loaded(model.eval().requires_grad_(False), len(info["unexpected_keys"]))


def _build(
    folder: Path, files: ModelFiles, config: PretrainedConfig, models: str, dtype: Dtype
) -> tuple[Any, dict[str, Any]]:
    """The model, and what the library says of how the tensors fit."""
    import torch

    model_class = _class_of(config, models)
    built: tuple[Any, dict[str, Any]] = model_class.from_pretrained(
        None,
        config=config,
        state_dict=_state(folder, files),
        dtype=getattr(torch, dtype),
        attn_implementation="sdpa" if model_class._supports_sdpa else "eager",
        ignore_mismatched_sizes=True,
        output_loading_info=True,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
    )
    return built


def _class_of(config: PretrainedConfig, models: str) -> Any:
    from transformers.models.auto import modeling_auto

    classes: Any = getattr(modeling_auto, f"MODEL_FOR_{models}_MAPPING")
    return classes[type(config)]


def _state(folder: Path, files: ModelFiles) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    state: dict[str, Tensor] = {}
    for shard in files.headers:
        try:
            state.update(load_file(folder / shard))
        except SafetensorError as err:
            raise _refused("E202", f"`{shard}` is malformed", err) from err
        except OSError as err:
            raise EnvironmentFault("E603", f"reading `{shard}` failed", "check the disk") from err
    return state if files.packing is None else _unpacked(state, files)


def _unpacked(state: dict[str, Tensor], files: ModelFiles) -> dict[str, Tensor]:
    """Packed weights decoded, as the guards read them, and all other tensors as stored."""
    import torch

    return {
        name: torch.from_numpy(weight.whole()) if isinstance(weight, PackedWeight) else state[name]
        for name, weight in weights_of(files).items()
    }


def _check_fit(info: dict[str, object]) -> None:
    for key, what in (("missing_keys", "is missing"), ("mismatched_keys", "has the wrong shape")):
        found = info[key]
        if isinstance(found, set | list | tuple) and found:
            first = min(str(item[0] if isinstance(item, tuple) else item) for item in found)
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise SafetyRefusal(
                "E207", f"tensor `{first[:120]}` {what}{more}", "use the weights of this config"
            )
    messages = info["error_msgs"]
    if isinstance(messages, list) and messages:
        raise SafetyRefusal("E207", "the weights do not fit `config.json`", "fetch both again")


def _refused(code: str, what: str, err: Exception) -> SafetyRefusal:
    reason = " ".join(str(err).split())[:200].lower()
    return SafetyRefusal(code, f"{what}: {reason}", "fetch the model again")
