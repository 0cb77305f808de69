"""Lines of logs, as lm-evaluation-harness and a serving engine write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Line = dict[str, Any]


def sample(number: int, likelihoods: Sequence[float], answer: int = 0) -> Line:
    """One line of a sample log: a question with as many choices as there are ``likelihoods``."""
    prompt = f"Question {number}"
    best = max(range(len(likelihoods)), key=lambda at: (likelihoods[at], -at))
    answers = [f" answer {number}-{at}" for at in range(len(likelihoods))]
    asked = {f"gen_args_{at}": {"arg_0": prompt, "arg_1": text} for at, text in enumerate(answers)}
    return {
        "doc_id": number,
        "doc": {"question": prompt, "kind": "even" if number % 2 == 0 else "odd", "weight": 0.5},
        "target": str(answer),
        "arguments": asked,
        "resps": [[[str(value), "False"]] for value in likelihoods],
        "filtered_resps": [[str(value), "False"] for value in likelihoods],
        "filter": "none",
        "metrics": ["acc"],
        "acc": float(best == answer),
    }


def samples(count: int, seed: int) -> list[Line]:
    """A log of ``count`` questions; the seed makes the model, not the questions."""
    rng = np.random.default_rng(seed)
    return [sample(n, (-rng.gamma(2, 2, 4)).tolist(), n % 4) for n in range(count)]


def token_line(number: int, tokens: Sequence[int | str], logprobs: Sequence[float]) -> Line:
    """One line of log-probabilities per token."""
    slice_ = "even" if number % 2 == 0 else "odd"
    numbers = [None, *logprobs]
    return {"id": f"d{number}", "slice": slice_, "tokens": list(tokens), "logprobs": numbers}


def token_lines(count: int, seed: int) -> list[Line]:
    """A log of ``count`` texts of 20 to 59 tokens; the seed makes the model, not the texts."""
    texts, model = np.random.default_rng(0), np.random.default_rng(seed)
    out = []
    for number in range(count):
        tokens = texts.integers(0, 50_000, texts.integers(20, 60)).tolist()
        out.append(token_line(number, tokens, (-model.gamma(9, 1 / 3, len(tokens) - 1)).tolist()))
    return out


def write(path: Path, lines: Sequence[Line]) -> Path:
    """A log with these lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
