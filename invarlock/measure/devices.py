"""Where a model's body runs, and what its digits depend on there.

Only the body runs on a device, in the contract's dtype. Its last hidden states come back to the CPU
as float32, without rounding, and head, softmax and sums are computed there; so whatever the device,
all that follows the body is one code. On one machine, one device and one number of threads the same
bits come out again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from invarlock.errors import EnvironmentFault

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_LIBRARIES: Final = {"mkl": r"Math Kernel Library Version (\S+)", "onednn": r"MKL-DNN v(\S+)"}


def check_device(device: str) -> None:
    """Make sure that ``device`` is here, and have it compute in one way only.

    Raises :class:`EnvironmentFault` E608 when it is not.
    """
    if device == "cpu":
        return
    import torch

    if device == "mps":
        if not torch.backends.mps.is_available():
            raise _absent(device)
        return
    index = int(device.partition(":")[2] or 0)
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        raise _absent(device)
    torch.use_deterministic_algorithms(True)
    backends: Any = torch.backends
    backends.cuda.matmul.allow_tf32 = False
    backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    backends.cudnn.allow_tf32 = False
    backends.cudnn.benchmark = False


def moved(model: PreTrainedModel, device: str) -> PreTrainedModel:
    """The model on ``device``; with ``cuda``, on all GPUs where it is larger than the first.

    Raises :class:`EnvironmentFault` E605 where that needs `accelerate` and it is not installed.
    """
    if device == "cpu":
        return model
    import torch

    library: Any = model
    if device == "cuda" and torch.cuda.device_count() > 1:
        free, _ = torch.cuda.mem_get_info(0)
        if library.get_memory_footprint() > free:
            return _spread(model)
    placed: PreTrainedModel = library.to(device)
    return placed


def _spread(model: PreTrainedModel) -> PreTrainedModel:
    try:
        from accelerate import dispatch_model, infer_auto_device_map
    except ImportError as err:
        raise EnvironmentFault(
            "E605", "`accelerate` is not installed; the model is larger than one GPU",
            "pip install accelerate",
        ) from err  # fmt: skip
    library: Any = model
    where = infer_auto_device_map(model, no_split_module_classes=library._no_split_modules)
    spread: PreTrainedModel = dispatch_model(model, where)
    return spread


def kernels(device: str) -> dict[str, str]:
    """What chose the kernels: the processor's capability, the libraries' versions, the GPU."""
    import torch

    cudnn: Any = torch.backends.cudnn
    built = torch.__config__.show()
    found = {"cpu": torch.backends.cpu.get_cpu_capability()}
    for name, pattern in _LIBRARIES.items():
        match = re.search(pattern, built)
        if match:
            found[name] = match[1]
    if device.startswith("cuda"):
        found["gpu"] = torch.cuda.get_device_name(0 if device == "cuda" else device)
        found["cuda"] = str(torch.version.cuda)
        found["cudnn"] = str(cudnn.version())
    return found


def _absent(device: str) -> EnvironmentFault:
    return EnvironmentFault(
        "E608", f"there is no device `{device}` here", "pass --device cpu, or another that is"
    )
