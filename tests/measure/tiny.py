"""Tiny random models with a tokenizer of their own, made in the test's folder.

They show that a measure moves or rests; they cannot show what a threshold is worth.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

VOCABULARY = 320
Edit = Callable[[dict[str, np.ndarray[Any, Any]]], None]

_SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
}
_GPT = {
    "vocab_size": VOCABULARY,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 64,
    "rotary_dim": 8,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
SPECIAL: dict[str, dict[str, Any]] = {
    "cohere": {"logit_scale": 0.25},
    "cohere2": {"logit_scale": 0.25},
    "gemma": {"head_dim": 8},
    "gemma2": {"head_dim": 8, "final_logit_softcapping": 0.5, "query_pre_attn_scalar": 8},
    "gemma3_text": {"head_dim": 8, "final_logit_softcapping": 0.5, "query_pre_attn_scalar": 8},
    "gpt2": {**_GPT, "tie_word_embeddings": True},
    "gpt_neo": {
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 8,
        "tie_word_embeddings": True,
    },
    "gptj": {**_GPT, "tie_word_embeddings": False},
    "granite": {"logits_scaling": 4.0},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32, "tie_word_embeddings": True},
    "phi3": {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
}


def prose(documents: int = 40, *, seed: int = 5) -> list[dict[str, str]]:
    """Documents of made-up words, every third in the slice ``odd``."""
    words = ["stone", "river", "lantern", "quiet", "meadow", "iron", "window", "harbour", "salt"]
    draw = np.random.default_rng(seed)
    return [
        {
            "id": f"doc{n}",
            "text": " ".join(draw.choice(words, size=60)) + f" {n}",
            **({"slice": "odd"} if n % 3 == 0 else {}),
        }
        for n in range(documents)
    ]


def write_data(path: Path, documents: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))
    return path


def write_tokenizer(folder: Path, *, extra: str = "") -> None:
    """A byte-level BPE trained on the prose; ``extra`` text changes what it learns."""
    engine = Tokenizer(BPE(unk_token="<unk>"))
    engine.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<bos>", "<eos>", "<unk>"],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [document["text"] for document in prose()]
    engine.train_from_iterator([*texts, *[extra] * 400], trainer)
    engine.save(str(folder / "tokenizer.json"))
    config = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def make_model(folder: Path, kind: str = "llama", *, seed: int = 3, **changes: Any) -> Path:
    """A random model of architecture ``kind`` with its tokenizer, in ``folder``."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    common = {} if kind in {"gpt2", "gpt_neo", "gptj"} else _SMALL
    options = {"vocab_size": VOCABULARY, "bos_token_id": 1, "eos_token_id": 2, **common}
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = AutoConfig.for_model(kind, **{**options, **SPECIAL.get(kind, {}), **changes})
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 0.3)
            elif name.endswith("bias"):
                weight.normal_(0.0, 0.5)
    model.save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def edited(source: Path, folder: Path, edit: Edit) -> Path:
    """A copy of ``source`` whose tensors went through ``edit``."""
    folder.mkdir()
    for path in source.iterdir():
        if path.suffix != ".safetensors":
            (folder / path.name).write_bytes(path.read_bytes())
    tensors = {
        name: array.copy() for name, array in load_file(source / "model.safetensors").items()
    }
    edit(tensors)
    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    save_file(whole, folder / "model.safetensors", {"format": "pt"})
    return folder
