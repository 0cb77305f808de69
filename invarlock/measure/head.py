"""The output head, split from the body: hidden states in, logits out, a chunk of rows at a time.

KL needs the baseline's logits in the subject's process, which must not run the baseline. So the
baseline's last hidden states travel, and its whole head (tied or not, biased, scaled, capped as it
is) is read from its folder alone (DESIGN section 4). Only architectures of :data:`HEADS`, each of
which a test compares with its own forward pass, are split; others have no KL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from invarlock.artifacts.model_files import ModelFiles
from invarlock.errors import SafetyRefusal
from invarlock.measure.loading import forward_pass
from invarlock.measure.products import product
from invarlock.measure.weights.model import weights_of
from invarlock.measure.weights.packed import PackedWeight
from invarlock.measure.weights.stored import StoredWeight

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel

    from invarlock.evidence.layout import Layout
    from invarlock.measure.tasks.protocol import Feed

_PLAIN: Final = ("model.embed_tokens.weight", "embed_tokens.weight")
_GPT: Final = ("transformer.wte.weight", "wte.weight")


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """Where an architecture keeps its head.

    ``stored`` names the head's own weight and ``embedding`` the tied one, by preference: a stored
    head is used even if the configuration says tied, as the model library does. ``multiply``,
    ``divide`` and ``cap`` are configuration keys for ``logits * a``, ``logits / a`` and
    ``a * tanh(logits / a)``.
    """

    stored: tuple[str, ...] = ("lm_head.weight",)
    embedding: tuple[str, ...] = _PLAIN
    bias: tuple[str, ...] = ("lm_head.bias",)
    multiply: str | None = None
    divide: str | None = None
    cap: str | None = None


HEADS: Final[Mapping[str, HeadSpec]] = {
    "cohere": HeadSpec(multiply="logit_scale"),
    "cohere2": HeadSpec(multiply="logit_scale"),
    "gemma": HeadSpec(),
    "gemma2": HeadSpec(cap="final_logit_softcapping"),
    "gemma3_text": HeadSpec(cap="final_logit_softcapping"),
    "gpt2": HeadSpec(embedding=_GPT),
    "gpt_neo": HeadSpec(embedding=_GPT),
    "gpt_neox": HeadSpec(
        stored=("lm_head.weight", "embed_out.weight"),
        embedding=("gpt_neox.embed_in.weight", "embed_in.weight"),
    ),
    "gptj": HeadSpec(embedding=_GPT),
    "granite": HeadSpec(divide="logits_scaling"),
    "llama": HeadSpec(),
    "mistral": HeadSpec(),
    "olmo2": HeadSpec(),
    "opt": HeadSpec(embedding=("model.decoder.embed_tokens.weight", "decoder.embed_tokens.weight")),
    "phi": HeadSpec(),
    "phi3": HeadSpec(),
    "qwen2": HeadSpec(),
    "qwen3": HeadSpec(),
    "smollm3": HeadSpec(),
    "stablelm": HeadSpec(),
    "starcoder2": HeadSpec(),
}
"""Causal architectures (``model_type``) whose split is tested."""

MASKED_HEADS: Final[Mapping[str, HeadSpec]] = {
    "bert": HeadSpec(
        stored=("cls.predictions.decoder.weight",),
        embedding=("bert.embeddings.word_embeddings.weight",),
        bias=("cls.predictions.decoder.bias", "cls.predictions.bias"),
    ),
    "distilbert": HeadSpec(
        stored=("vocab_projector.weight",),
        embedding=("distilbert.embeddings.word_embeddings.weight",),
        bias=("vocab_projector.bias",),
    ),
    "roberta": HeadSpec(
        stored=("lm_head.decoder.weight",),
        embedding=("roberta.embeddings.word_embeddings.weight",),
        bias=("lm_head.decoder.bias", "lm_head.bias"),
    ),
}
"""Masked architectures likewise; what is split off is the last layer."""

SEQ2SEQ_HEADS: Final[Mapping[str, HeadSpec]] = {
    "mt5": HeadSpec(embedding=("shared.weight",)),
    "t5": HeadSpec(embedding=("shared.weight",)),
}
"""Sequence-to-sequence architectures likewise."""

_TABLES: Final = {
    "CAUSAL_LM": HEADS,
    "MASKED_LM": MASKED_HEADS,
    "SEQ_TO_SEQ_CAUSAL_LM": SEQ2SEQ_HEADS,
    "SEQUENCE_CLASSIFICATION": {},
}


_SPLIT: Final = {4: (1e-3, 1e-4), 2: (2e-2, 2e-2)}
"""By the bytes of a number, what the library's own head may differ from ours: ours multiplies in
float32, the library's rounds weights and logits to the model's dtype."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head in float32: ``weight`` of shape (vocabulary, width), ``bias`` (vocabulary,)."""

    weight: Tensor
    bias: Tensor | None
    multiply: float | None = None
    divide: float | None = None
    cap: float | None = None

    @property
    def vocabulary(self) -> int:
        """How many tokens the head ranks."""
        return int(self.weight.shape[0])

    @property
    def width(self) -> int:
        """The size of one hidden state."""
        return int(self.weight.shape[1])

    def logits(self, rows: Tensor) -> Tensor:
        """Logits of hidden states ``rows`` (n, width): (n, vocabulary), in memory of their own."""
        out = product(rows, self.weight, self.bias)
        if self.multiply is not None:
            out.mul_(self.multiply)
        if self.divide is not None:
            out.div_(self.divide)
        if self.cap is not None:
            out.div_(self.cap).tanh_().mul_(self.cap)
        return out


def read_head(
    files: ModelFiles, config: PretrainedConfig, models: str = "CAUSAL_LM"
) -> Head | None:
    """The head of a model folder, from its stored tensors alone; ``None`` when the architecture
    has no tested split. Raises :class:`SafetyRefusal` E207 when no tensor can be its weight."""
    spec = _TABLES[models].get(str(config.model_type))
    if spec is None:
        return None
    weight = _first(files, spec.stored)
    if weight is None and getattr(config, "tie_word_embeddings", False):
        weight = _first(files, spec.embedding)
    if weight is None or weight.dim() != 2:
        raise SafetyRefusal(
            "E207", f"`{spec.stored[0]}` is missing", "use the weights made for this config"
        )
    return Head(
        weight=weight,
        bias=_first(files, spec.bias),
        multiply=_number(config, spec.multiply),
        divide=_number(config, spec.divide),
        cap=_number(config, spec.cap),
    )


def agrees(head: Head, model: PreTrainedModel) -> bool:
    """Whether body and head, split, give what the whole model gives on a short input.

    Guards against a version of the model library that changes a head under a known name.
    """
    import torch

    if not _same_weight(head, model):
        return False
    ids = torch.arange(8).reshape(1, 8) % head.vocabulary
    with torch.inference_mode():
        whole = whole_logits(model, ids)[0]
        split = head.logits(hidden_states(model, ids)[0])
    return _near(whole, split, _tolerance(model))


def agrees_on(head: Head, model: PreTrainedModel, feed: Feed, window: Layout) -> bool:
    """The same on a window, as its task runs it."""
    import torch

    if not _same_weight(head, model):
        return False
    with torch.inference_mode():
        whole = feed.logits(model, window)
        split = head.logits(feed.states(model, window))
    return _near(whole, split, _tolerance(model))


def _same_weight(head: Head, model: PreTrainedModel) -> bool:
    library: Any = model
    weight = getattr(library.get_output_embeddings(), "weight", None)
    return weight is not None and _same(weight, head.weight)


def _tolerance(model: PreTrainedModel) -> tuple[float, float]:
    """How far the library's own head may be from ours, relative and of the largest logit."""
    return _SPLIT[model.dtype.itemsize]


def _near(whole: Tensor, split: Tensor, tolerance: tuple[float, float]) -> bool:
    import torch

    scale = float(torch.nan_to_num(whole, posinf=0.0, neginf=0.0).abs().max())
    relative, absolute = tolerance
    return torch.allclose(whole, split, rtol=relative, atol=absolute * scale, equal_nan=True)


def forwarded(model: PreTrainedModel, **inputs: Tensor) -> Tensor:
    """The logits of one forward pass, float32 on the CPU. Raises as :func:`hidden_states`."""
    with forward_pass():
        placed = {name: tensor.to(model.device) for name, tensor in inputs.items()}
        logits: Tensor = model(**placed).logits
        return logits.float().cpu()


def hidden_states(model: PreTrainedModel, ids: Tensor) -> Tensor:
    """Last hidden states where the head begins, (batch, length, width), without the head; float32
    on the CPU, whatever the model's dtype and device.

    Raises :class:`SafetyRefusal` E207 when the model fails, :class:`MemoryError`."""
    with forward_pass():
        states: Tensor = model.base_model(input_ids=ids.to(model.device), use_cache=False)[0]
        return states.float().cpu()


def whole_logits(model: PreTrainedModel, ids: Tensor) -> Tensor:
    """Logits by the model's own head, (batch, length, vocabulary). Raises as
    :func:`hidden_states`."""
    with forward_pass():
        logits: Tensor = model(input_ids=ids.to(model.device), use_cache=False).logits
        return logits.float().cpu()


def _same(one: Tensor, other: Tensor) -> bool:
    import torch

    # Bits, not values: NaN weights are the same weights.
    bits = {2: torch.int16, 4: torch.int32}[one.dtype.itemsize]
    return one.shape == other.shape and torch.equal(
        one.detach().cpu().contiguous().view(bits), other.to(one.dtype).contiguous().view(bits)
    )


def _first(files: ModelFiles, names: tuple[str, ...]) -> Tensor | None:
    """The first stored tensor of ``names`` as float32, in memory of its own: both arms then
    multiply with equally aligned operands."""
    import torch

    stored = weights_of(files)
    for name in names:
        weight = stored.get(name)
        if isinstance(weight, PackedWeight):
            return torch.empty(weight.shape).copy_(torch.from_numpy(weight.whole()))
        if not isinstance(weight, StoredWeight):
            continue
        entry = weight.entry
        kinds = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
        kinds["F64"] = torch.float64
        if entry.dtype not in kinds:
            raise SafetyRefusal(
                "E210", f"`{name}` has dtype `{entry.dtype}`", "store the weights as bfloat16"
            )
        raw = torch.frombuffer(files.read(name), dtype=kinds[entry.dtype]).reshape(entry.shape)
        return torch.empty(entry.shape, dtype=torch.float32).copy_(raw)
    return None


def _number(config: PretrainedConfig, key: str | None) -> float | None:
    value = None if key is None else getattr(config, key, None)
    return None if value is None else float(value)
