"""The tasks: one small module each, behind the protocol of :mod:`invarlock.measure.tasks.protocol`.

A task says how its documents are spelled, which windows a document offers and which of their rows
are scored, what class loads the model, and how a batch of windows passes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from invarlock.canonical import Json
from invarlock.evidence.schema import Contract
from invarlock.measure.tasks.causal_lm import CausalLM
from invarlock.measure.tasks.classification import Classification
from invarlock.measure.tasks.masked_lm import MaskedLM
from invarlock.measure.tasks.multiple_choice import MultipleChoice
from invarlock.measure.tasks.protocol import Task
from invarlock.measure.tasks.seq2seq_lm import Seq2SeqLM


def task_of(contract: Contract, config: Mapping[str, Json]) -> Task[Any]:
    """The task that ``contract`` asks for, of a model with this ``config.json``."""
    length = contract.windows.length
    if contract.task == "causal_lm" and contract.windows.content == "chat":
        from invarlock.measure.tasks.chat import Chat

        return Chat(length)
    if contract.task == "classification":
        return Classification.of(length, config)
    plain: dict[str, Task[Any]] = {
        "causal_lm": CausalLM(length),
        "masked_lm": MaskedLM(length, contract.windows.masked or 1),
        "seq2seq_lm": Seq2SeqLM(length),
        "multiple_choice": MultipleChoice(length),
    }
    return plain[contract.task]
