"""Hash every file of a folder, by this project or by hashlib in as many threads; prints seconds."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from invarlock.artifacts.abreast import processors
from invarlock.artifacts.folder import tree_of


def by_hashlib(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(which: str, folder: str) -> None:
    begun = time.perf_counter()
    if which == "hashlib":
        with ThreadPoolExecutor(processors()) as pool:
            list(pool.map(by_hashlib, sorted(Path(folder).iterdir())))
    else:
        tree_of(Path(folder))
    print(json.dumps({"seconds": time.perf_counter() - begun}))


if __name__ == "__main__":
    main(*sys.argv[1:])
