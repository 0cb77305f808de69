"""A baseline's results in the cache: under which key, and as which files."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

import invarlock
from invarlock import __version__
from invarlock.canonical import canonical_bytes, digest_bytes, digest_json
from invarlock.errors import EnvironmentFault
from invarlock.evaluate.cache import BaselineCache
from invarlock.evaluate.inputs import LEFT_BY, Inputs, Measured
from invarlock.measure.job import ArmAnswer, Shard, Span
from invarlock.security.manifest import ArmRuntime

_MEASURING: Final = ("artifacts", "evidence", "measure")
_VERSIONED: Final = ("torch", "transformers", "tokenizers", "safetensors", "numpy")
_RUNTIMES: Final = TypeAdapter(tuple[ArmRuntime, ...])


def load_kept(
    cache: BaselineCache | None, inputs: Inputs, span: Span, tensors: Shard | None
) -> Measured | None:
    """The baseline's results for ``span`` and ``tensors``, if they were measured before.

    Raises :class:`EnvironmentFault` E606 when the entry was changed or cannot be read.
    """
    entry = cache.load(_key(inputs, span, tensors)) if cache is not None else None
    if entry is None:
        return None
    try:
        answer = ArmAnswer.model_validate_json(entry.records["answer.json"])
        runtimes = _RUNTIMES.validate_json(entry.records["runtimes.json"])
    except (KeyError, ValidationError) as err:
        raise EnvironmentFault(
            "E606", "a kept baseline result cannot be read", "remove the cache folder"
        ) from err
    reused = tuple(runtime.model_copy(update={"reused": True}) for runtime in runtimes)
    files = {name: entry.files[name] for name in LEFT_BY["baseline"]}
    return Measured((span,), answer, reused, files)


def keep(
    cache: BaselineCache | None,
    inputs: Inputs,
    span: Span,
    tensors: Shard | None,
    measured: Measured,
) -> None:
    """Keep what the baseline's arm left for ``span`` and ``tensors``."""
    if cache is None:
        return
    records = {
        "answer.json": canonical_bytes(measured.answer.model_dump(mode="json")),
        "runtimes.json": canonical_bytes(_RUNTIMES.dump_python(measured.runtimes, mode="json")),
    }
    cache.store(_key(inputs, span, tensors), records=records, files=measured.files)


def _key(inputs: Inputs, span: Span, tensors: Shard | None) -> Mapping[str, object]:
    """Everything that could change one of the baseline's numbers."""
    return {
        "entry": "invarlock.baseline/1",
        "baseline": inputs.baseline.root_digest,
        "data": inputs.data.digest,
        "contract": inputs.contract.model_dump(mode="json"),
        "schedule": inputs.schedule.model_dump(mode="json"),
        "span": span.model_dump(mode="json"),
        "tensors": None if tensors is None else tensors.model_dump(mode="json"),
        "device": inputs.request.device,
        "threads": inputs.request.threads_each,
        "isolation": inputs.mode,
        "bytes_binding": inputs.baseline.bytes_binding,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "invarlock": __version__,
        "code": _code_digest(),
        "packages": _packages(),
    }


def _code_digest() -> str:
    """Digest of the sources that measure: batch shapes, chunks and formulas are in them."""
    root = Path(invarlock.__file__).parent
    sources = sorted(p for part in _MEASURING for p in (root / part).rglob("*.py"))
    rows = {str(p.relative_to(root)): digest_bytes(p.read_bytes()) for p in sources}
    return digest_json(rows)


def _processor() -> str:
    """Model and instruction sets of the first core: kernels are chosen by them, digits follow."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor()
    wanted = ("model name", "flags", "CPU implementer", "Features")
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n", maxsplit=1)[0]
    return "\n".join(line for line in first.splitlines() if line.startswith(wanted))


def _packages() -> dict[str, str]:
    try:
        return {name: version(name) for name in _VERSIONED}
    except PackageNotFoundError as err:
        raise EnvironmentFault(
            "E605", f"`{err.name}` is not installed", "pip install 'invarlock[hf]'"
        ) from err
