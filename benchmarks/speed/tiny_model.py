"""A GPT-2 of 1.3 million parameters with seeded weights, and a subject of it rounded to int8.

Four layers, width 128, a byte-level BPE of 4,096 tokens trained on the bench's own prose. Nobody
trained the weights: what is measured with it is the cost of a command, not the model. Usage:
    python -m benchmarks.speed.tiny_model FOLDER PROSE.jsonl     # FOLDER/baseline, FOLDER/subject
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from make_subjects import int8_rounded
from tensor_stream import write_float32

VERSION: Final = "tiny/1"
SEED: Final = 20_260_101
LAYERS: Final = 4
WIDTH: Final = 128
VOCABULARY: Final = 4_096
POSITIONS: Final = 256

CONFIG: Final = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "n_layer": LAYERS,
    "n_embd": WIDTH,
    "n_head": 4,
    "n_positions": POSITIONS,
    "vocab_size": VOCABULARY,
    "tie_word_embeddings": True,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "dtype": "float32",
}


def shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor by its name in the model library; linear layers are stored (in, out)."""
    found: dict[str, tuple[int, ...]] = {"wte.weight": (VOCABULARY, WIDTH)}
    found["wpe.weight"] = (POSITIONS, WIDTH)
    for layer in range(LAYERS):
        for name, outputs, inputs in (
            ("attn.c_attn", 3 * WIDTH, WIDTH),
            ("attn.c_proj", WIDTH, WIDTH),
            ("mlp.c_fc", 4 * WIDTH, WIDTH),
            ("mlp.c_proj", WIDTH, 4 * WIDTH),
        ):
            found[f"h.{layer}.{name}.weight"] = (inputs, outputs)
            found[f"h.{layer}.{name}.bias"] = (outputs,)
        for name in ("ln_1", "ln_2"):
            found[f"h.{layer}.{name}.weight"] = found[f"h.{layer}.{name}.bias"] = (WIDTH,)
    found["ln_f.weight"] = found["ln_f.bias"] = (WIDTH,)
    return {f"transformer.{name}": shape for name, shape in found.items()}


def weights() -> dict[str, npt.NDArray[np.float32]]:
    """Normal with a deviation of 0.02, norms at one and biases at zero, as GPT-2 begins."""
    random = np.random.default_rng(SEED)
    made: dict[str, npt.NDArray[np.float32]] = {}
    for name, shape in shapes().items():
        if len(shape) > 1:
            made[name] = random.normal(0.0, 0.02, shape).astype(np.float32)
        elif ".ln_" in name and name.endswith("weight"):
            made[name] = np.ones(shape, dtype=np.float32)
        else:
            made[name] = np.zeros(shape, dtype=np.float32)
    return made


def tokenizer(prose: Path) -> str:
    """``tokenizer.json`` of a byte-level BPE trained on the documents of ``prose``."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    lines = prose.read_text(encoding="utf-8").splitlines()
    made.train_from_iterator((json.loads(line)["text"] for line in lines), trainer)
    return str(made.to_str())


def make_tiny(folder: Path, prose: Path) -> None:
    """Write ``folder/baseline`` and ``folder/subject``."""
    text = tokenizer(prose)
    stored = weights()
    for label in ("baseline", "subject"):
        target = folder / label
        target.mkdir(parents=True)
        (target / "config.json").write_text(json.dumps(CONFIG, indent=2), encoding="utf-8")
        (target / "tokenizer.json").write_text(text, encoding="utf-8")
        edited = {
            name: int8_rounded(value) if label == "subject" and value.ndim > 1 else value
            for name, value in stored.items()
        }
        write_float32(target / "model.safetensors", shapes(), edited.items())


if __name__ == "__main__":
    make_tiny(Path(sys.argv[1]), Path(sys.argv[2]))
