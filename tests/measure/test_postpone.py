"""What the libraries need not run is not run, and is there once something asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.measure.tiny import make_model

SETTLED = """
import sys
from invarlock.measure.postpone import postpone
postpone()
"""
COMPILER = (
    "sympy",
    "torch._dynamo.convert_frame",
    "torch._prims",
    "torch.distributed.tensor",
    "torch.export.exported_program",
)


def said(program: str) -> str:
    """What ``program`` prints in a process of its own, where modules wait."""
    done = subprocess.run(
        [sys.executable, "-c", SETTLED + program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_forward_pass_of_every_split_architecture_leaves_the_compiler_alone() -> None:
    program = f"""
from invarlock.measure.head import HEADS
import torch
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING
kinds = [MODEL_FOR_CAUSAL_LM_MAPPING[CONFIG_MAPPING[kind]] for kind in HEADS]
small = CONFIG_MAPPING["gpt2"].from_dict(
    {{"n_layer": 1, "n_embd": 8, "n_head": 2, "vocab_size": 16, "eos_token_id": 2}}
)
model = MODEL_FOR_CAUSAL_LM_MAPPING[type(small)](small).eval()
with torch.inference_mode():
    print(tuple(model(torch.arange(4)[None]).logits.shape), len(kinds) == len(HEADS))
print([name for name in {COMPILER!r} if name in sys.modules])
"""
    assert said(program).splitlines() == ["(1, 4, 16) True", "[]"]


def test_what_waits_is_run_when_something_asks() -> None:
    program = """
import torch._dynamo, torch.export, transformers
before = "torch._dynamo.convert_frame" in sys.modules
torch._dynamo.config.verbose, torch._dynamo.reset
print(before, "torch._dynamo.convert_frame" in sys.modules)
print(transformers.LlamaConfig.__name__, transformers.__version__ == transformers.utils.__version__)
print(transformers.processing_utils.ProcessorMixin.__name__)
print(hasattr(torch.export, "export"), hasattr(torch.export, "no such thing"))
"""
    assert said(program).splitlines() == [
        "False True",
        "LlamaConfig True",
        "ProcessorMixin",
        "True False",
    ]


def test_decorators_of_the_compiler_leave_a_function_as_it_is() -> None:
    program = """
import torch
@torch.compiler.disable
def one(): return 1
@torch.compiler.disable(recursive=False)
def two(): return 2
print(one() + two(), "torch._dynamo.convert_frame" in sys.modules)
"""
    assert said(program) == "3 False"


@pytest.mark.parametrize(("rope", "asks"), [("default", False), ("llama3", True)])
def test_a_model_that_needs_more_kernels_to_be_built_gets_them(
    tmp_path: Path, rope: str, asks: bool
) -> None:
    stretched = {"factor": 2.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    parameters = {"rope_type": rope, "rope_theta": 10000.0, "original_max_position_embeddings": 32}
    folder = make_model(tmp_path / "m", rope_parameters={**parameters, **stretched})
    program = f"""
from pathlib import Path
from invarlock.artifacts.model_files import open_model
from invarlock.measure.loading import load_model, quiet, read_config
quiet()
folder = Path({str(folder)!r})
with open_model(folder) as files:
    model = load_model(folder, files, read_config(files)).model
import torch
print(tuple(model(torch.arange(4)[None]).logits.shape), "torch._prims" in sys.modules)
"""
    assert said(program) == f"(1, 4, 320) {asks}"


def test_random_numbers_are_there_while_the_meta_kernels_wait() -> None:
    program = """
import torch
drawn = torch.rand(2, generator=torch.Generator().manual_seed(1))
import torch._prims.rng_prims
again = torch.rand(2, generator=torch.Generator().manual_seed(1))
print(torch.equal(drawn, again))
"""
    assert said(program) == "True"
