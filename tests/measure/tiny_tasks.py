"""Tiny random models and data for every task but causal language models on text."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from tests.measure.tiny import VOCABULARY, make_model, prose, write_tokenizer

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<bos>' + message['role'] + '\n' + message['content'] + '<eos>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<bos>assistant\n' }}{% endif %}"
)
"""As ChatML: every turn begins and ends with a special token."""
MARKED = (
    "{% for message in messages %}{{ '<bos>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<eos>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ message['content'] + '<eos>\n' }}{% endif %}{% endfor %}"
)
"""The same with the assistant's words marked."""

_BERT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
_ENCODERS: dict[str, dict[str, Any]] = {
    "bert": _BERT,
    "roberta": {**_BERT, "pad_token_id": 0},
    "electra": {**_BERT, "embedding_size": 32},
    "distilbert": {
        "dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 64
    },
    "t5": {
        "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4,
        "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 2,
    },
    "bart": {
        "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
        "max_position_embeddings": 64, "decoder_start_token_id": 2, "pad_token_id": 0,
        "bos_token_id": 1, "eos_token_id": 2, "forced_eos_token_id": 2,
    },
}  # fmt: skip
_CLASSES = {
    "masked_lm": "AutoModelForMaskedLM",
    "seq2seq_lm": "AutoModelForSeq2SeqLM",
    "classification": "AutoModelForSequenceClassification",
}


def make_other(folder: Path, task: str, kind: str, *, seed: int = 3, **changes: Any) -> Path:
    """A random model of architecture ``kind`` for ``task``, with its tokenizer, in ``folder``."""
    import torch
    import transformers
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(seed)
    options = {"vocab_size": VOCABULARY, **_ENCODERS[kind], **changes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = transformers.AutoConfig.for_model(kind, **options)
        model = getattr(transformers, _CLASSES[task]).from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 0.3)
            elif name.endswith("bias"):
                weight.normal_(0.0, 0.5)
    model.save_pretrained(folder)
    write_tokenizer(folder)
    frame_tokenizer(folder)
    return folder


def frame_tokenizer(folder: Path) -> None:
    """Let the tokenizer put ``<bos>`` and ``<eos>`` around a text, and use ``<unk>`` as mask."""
    path = folder / "tokenizer.json"
    engine = Tokenizer.from_file(str(path))
    engine.post_processor = TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 1), ("<eos>", 2)]
    )
    engine.save(str(path))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "mask_token": "<unk>"}))


def make_chat(folder: Path, template: str = TEMPLATE, **changes: Any) -> Path:
    """A random Llama whose tokenizer has a chat template."""
    make_model(folder, **changes)
    (folder / "chat_template.jinja").write_text(template)
    return folder


def lines_of(task: str, count: int = 40) -> list[dict[str, Any]]:
    """Documents of ``task`` out of made-up words, every third in the slice ``odd``."""
    draw = np.random.default_rng(11)
    out: list[dict[str, Any]] = []
    for number, document in enumerate(prose(count)):
        words = document["text"].split()
        cut = 6 + int(draw.integers(0, 6))
        fields: dict[str, dict[str, Any]] = {
            "chat": {
                "messages": [
                    {"role": "user", "content": " ".join(words[:cut])},
                    {"role": "assistant", "content": " ".join(words[cut : cut + 5])},
                    {"role": "user", "content": " ".join(words[20:24])},
                    {"role": "assistant", "content": " ".join(words[30 : 30 + cut])},
                ]
            },
            "masked_lm": {"text": document["text"]},
            "seq2seq_lm": {"source": " ".join(words[:cut]), "target": " ".join(words[-cut:])},
            "multiple_choice": {
                "context": " ".join(words[:cut]) + " ",
                "choices": [f"{word} {number}" for word in words[20 : 22 + number % 3]],
                "answer": number % 2,
            },
            "classification": {"text": " ".join(words[:cut]) + f" {number}", "label": number % 3},
        }
        extra = {"id": document["id"], **({"slice": "odd"} if number % 3 == 0 else {})}
        out.append({**fields[task], **extra})
    return out
