"""lm-evaluation-harness scoring windows with one model; runs in the peers' environment. Usage:
    python lm_eval_scores.py MODEL WINDOWS.u32 LENGTH THREADS

The first token of a window is context, the others are its continuation: the harness then scores
the very tokens that an arm scores. They are given as ids, so it need not tokenise. Prints the mean
log-loss in nats.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from lm_eval.models.huggingface import HFLM

BATCH = 8


def main() -> None:
    model, windows_file, length, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    windows = np.fromfile(windows_file, dtype="<u4").reshape(-1, int(length)).tolist()
    harness = HFLM(pretrained=model, device="cpu", dtype="float32", batch_size=BATCH)
    # The strings are the harness's keys for requests.
    requests = [((str(at), ""), ids[:1], ids[1:]) for at, ids in enumerate(windows)]
    scores = harness._loglikelihood_tokens(requests, disable_tqdm=True)
    print(-sum(total for total, _ in scores) / (len(windows) * (int(length) - 1)))


if __name__ == "__main__":
    main()
