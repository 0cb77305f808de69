#!/usr/bin/env python3
"""Make the logs that tests import: SmolLM2-135M and a 4-bit copy of it, as other programs saw them.

lm-evaluation-harness scores a small task of our own with both models, and its sample logs are kept
as it wrote them. Log-probabilities per token of a few texts are taken by transformers, in the form
that `invarlock evidence import --kind tokens` reads. Needs an environment with both:

    python -m venv LM && LM/bin/pip install lm-eval==0.4.13 transformers accelerate
    python scripts/make_logs.py --python LM/bin/python --out tests/measure/logs/data
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from demo_cache import CACHE
from fetch_model import fetch_model

TASK: Final = """\
task: small_choice
dataset_path: json
dataset_kwargs:
  data_files: {test: choices.jsonl}
test_split: test
output_type: multiple_choice
doc_to_text: "{{context}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{answer}}"
metric_list:
  - metric: acc
  - metric: acc_norm
  - metric: acc_bytes
"""
CAPITALS: Final = (
    "France Paris Italy Rome Spain Madrid Germany Berlin Japan Tokyo Egypt Cairo Greece Athens "
    "Russia Moscow China Beijing Norway Oslo Austria Vienna Portugal Lisbon Ireland Dublin "
    "Poland Warsaw Cuba Havana"
)
ORDER: Final = (
    "January March Monday Wednesday spring autumn three five first third seed fruit dawn night "
    "morning evening C E alpha gamma June August Friday Sunday second fourth hour week inch yard"
)
TEXTS: Final = (
    "The bar is written down once, and reviewed like code, before anyone sees a result.",
    "A window is a run of tokens cut from one document, and no token stands in two of them.",
    "Whoever signs a result says only which bytes were measured and what came out of it.",
    "The old lighthouse keeper climbed the stairs each evening and lit the lamp for the ships.",
    "Two and two make four, and four and four make eight, whatever the weather is outside.",
    "She opened the letter, read it twice, and put it back into the drawer without a word.",
    "Bread is made from flour, water, salt and yeast, and it needs time more than anything else.",
    "The river rises in the hills, runs past three villages, and ends in a cold grey sea.",
    "A model that was made smaller is faster, and the question is what it has forgotten.",
    "In winter the pond froze over and the children from the village came to skate on it.",
    "The judge computes from exact sums, so that the order of the numbers does not matter.",
    "He counted the coins again, and again there was one more than there should have been.",
)
EDIT: Final = """
import sys, shutil, torch
from pathlib import Path
from safetensors.torch import load_file, save_file
source, target = map(Path, sys.argv[1:3])
shutil.copytree(source, target)
for file in target.glob("*.safetensors"):
    tensors = load_file(file)
    for name, tensor in tensors.items():
        if tensor.ndim == 2 and "embed" not in name:
            step = tensor.float().abs().amax(1, keepdim=True) / 7
            tensors[name] = (torch.round(tensor.float() / step) * step).to(tensor.dtype)
    file.unlink()
    save_file(tensors, file, metadata={"format": "pt"})
"""
SCORE: Final = """
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, texts, out = sys.argv[1:4]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
with open(out, "w", encoding="utf-8") as file, torch.inference_mode():
    for number, text in enumerate(json.load(open(texts, encoding="utf-8"))):
        ids = tokenizer(text, add_special_tokens=False).input_ids
        logits = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        found = logits[torch.arange(len(ids) - 1), torch.tensor(ids[1:])].tolist()
        slice_ = "tools" if number % 2 == 0 else "stories"
        line = {"id": f"text-{number}", "slice": slice_, "tokens": ids, "logprobs": [None, *found]}
        file.write(json.dumps(line) + "\\n")
"""


def items() -> Iterator[dict[str, object]]:
    """Sixty questions of four kinds, whose answers stand at each place in turn."""
    yield from _pairs(CAPITALS.split(), "The capital of {} is", "geography")
    yield from _pairs(ORDER.split(), "Two places after {} comes", "order")
    for number in range(30):
        first, second = 13 + 7 * (number % 10), 4 + 9 * (number // 10)
        right = first + second
        choices = [str(right - 10), str(right + 1), str(right + 10)]
        choices.insert(number % 4, str(right))
        yield {
            "context": f"Question: What is {first} plus {second}?\nAnswer:",
            "choices": choices,
            "answer": number % 4,
            "kind": "sums",
        }


def _pairs(words: list[str], asked: str, kind: str) -> Iterator[dict[str, object]]:
    names, answers = words[::2], words[1::2]
    for number, name in enumerate(names):
        choices = [answers[(number + step) % len(answers)] for step in (3, 7, 11)]
        choices.insert(number % 4, answers[number])
        yield {
            "context": asked.format(name),
            "choices": choices,
            "answer": number % 4,
            "kind": kind,
        }


def make(python: Path, baseline: Path, out: Path) -> None:
    """Write ``ARM.samples.jsonl`` and ``ARM.tokens.jsonl`` of both arms below ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        rows = "".join(json.dumps(item) + "\n" for item in items())
        (work / "choices.jsonl").write_text(rows)
        (work / "small_choice.yaml").write_text(TASK)
        (work / "texts.json").write_text(json.dumps(TEXTS))
        subject = work / "subject"
        _run(python, work, "-c", EDIT, baseline, subject)
        for arm, folder in (("baseline", baseline), ("subject", subject)):
            _run(
                python, work, "-m", "lm_eval", "--model", "hf", "--model_args",
                f"pretrained={folder},dtype=float32", "--tasks", "small_choice",
                "--include_path", ".", "--device", "cpu", "--batch_size", "8", "--log_samples",
                "--output_path", arm,
            )  # fmt: skip
            (log,) = (work / arm).rglob("samples_*.jsonl")
            _keep(log, out / f"{arm}.samples.jsonl", (work, baseline))
            _run(python, work, "-c", SCORE, folder, "texts.json", f"{arm}.tokens.jsonl")
            _keep(work / f"{arm}.tokens.jsonl", out / f"{arm}.tokens.jsonl", (work, baseline))


def _run(python: Path, work: Path, *args: object) -> None:
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(work / "hf")}
    offline |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [str(python), *map(str, args)]
    subprocess.run(command, cwd=work, check=True, env={**os.environ, **offline})


def _keep(log: Path, place: Path, folders: tuple[Path, ...]) -> None:
    """Copy a log as it is; its name, which tells where a model lay, is left behind, and a log that
    tells it too is refused."""
    text = log.read_text(encoding="utf-8")
    if any(str(folder) in text for folder in folders):
        raise SystemExit(f"{log}: names a folder of this machine")
    place.write_text(text, encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="python with lm-eval")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    baseline, _ = fetch_model(CACHE)
    make(given.python.absolute(), baseline.absolute(), given.out)


if __name__ == "__main__":
    main()
