"""weightwatcher over all matrices of a model; runs in the peers' environment. Usage:
    python weightwatcher_spectra.py MODEL THREADS

Prints wall and processor seconds of the analysis alone, imports and loading not counted, and how
many matrices it took up. A head tied to the embedding is the same matrix and is left out: the tool
would analyse it twice.
"""

from __future__ import annotations

import sys
import time

import torch
import weightwatcher
from transformers import AutoModelForCausalLM


def main() -> None:
    model_path, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32)
    watcher = weightwatcher.WeightWatcher(model=model)
    found = watcher.describe()
    tied = found[found["longname"] == "lm_head"] if model.config.tie_word_embeddings else found[:0]
    skipped = [-int(layer) for layer in tied["layer_id"]]  # negative: all layers but these
    start, worked = time.perf_counter(), time.process_time()
    details = watcher.analyze(layers=skipped)
    print(time.perf_counter() - start, time.process_time() - worked, len(details))


if __name__ == "__main__":
    main()
