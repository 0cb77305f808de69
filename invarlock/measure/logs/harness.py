"""Sample logs of lm-evaluation-harness (``--log_samples``): one line a document.

Of its kinds of task, those that choose by log-likelihood are read (``multiple_choice``): a line has
``doc``, ``arguments`` (a prompt and a continuation for each choice), ``resps`` (for each a
log-likelihood and whether it is greedy, as text) and ``target``. What cannot be represented is
refused: rolling log-likelihoods come as one number a document without a count of tokens, so that
no perplexity per token follows from them, and generated text has no likelihood at all.

Written against lm-evaluation-harness 0.4.13 (``loggers/evaluation_tracker.py``,
``api/task.py``).
"""

from __future__ import annotations

import math
from typing import Final

from invarlock.canonical import Json, digest_json
from invarlock.measure.logs.items import Item, exact, label, log_losses

_FILTER: Final = "none"


def parse_sample(value: dict[str, Json], number: int, slice_key: str | None) -> Item:
    """The document of one line; ``slice_key`` names the key of ``doc`` that tells its slice.

    Raises :class:`ValueError` for what is no sample of a multiple choice, for a filter that changed
    the answers, and for an ``acc`` that does not follow from the log-likelihoods.
    """
    doc = value.get("doc")
    if value.get("filter") != _FILTER:
        raise ValueError("was filtered; log the samples of the filter `none` alone")
    if "acc_mutual_info" in value:
        raise ValueError("has unconditional likelihoods among its choices, which are no choices")
    texts = _continuations(value.get("arguments"))
    likelihoods = _likelihoods(value.get("resps"), len(texts))
    answer = _answer(value.get("target"), texts)
    loss = log_losses(likelihoods)
    _check_accuracy(value.get("acc"), likelihoods, answer)
    content = digest_json(exact({key: value.get(key) for key in ("arguments", "doc", "target")}))
    name = label(value.get("doc_id"), "doc_id")
    chosen = doc.get(slice_key) if isinstance(doc, dict) and slice_key is not None else None
    if slice_key is not None and chosen is None:
        raise ValueError(f"has no `{slice_key}` in its `doc`")
    return Item(
        line=number,
        content=content,
        id=content,
        document=f"item:{name if name is not None else number}",
        slice=label(chosen, "slice"),
        tokens=(),
        loss=loss,
        answer=answer,
        sizes=tuple(max(1, len(text.encode())) for text in texts),
    )


def _continuations(arguments: Json) -> list[str]:
    """The text of each choice: what follows the prompt, without the blank that parts them."""
    if not isinstance(arguments, dict) or not arguments:
        raise ValueError("has no `arguments`")
    texts: list[str] = []
    for at in range(len(arguments)):
        request = arguments.get(f"gen_args_{at}")
        texts.append(_continuation(request))
    if len(texts) < 2:
        raise ValueError("has a single choice; tasks that choose among several can be imported")
    return texts


def _continuation(request: Json) -> str:
    if not isinstance(request, dict):
        raise ValueError(  # noqa: TRY004 - what is wrong with a line of a log
            "has `arguments` that are not `gen_args_0`, `gen_args_1` and so on"
        )
    if "arg_1" not in request:
        raise ValueError(
            "has a rolling log-likelihood, which is one number without a count of tokens; "
            "export log-probabilities per token instead"
        )
    text = request["arg_1"]
    if not isinstance(request.get("arg_0"), str) or not isinstance(text, str) or len(request) != 2:
        raise ValueError("was generated, not chosen; tasks that choose can be imported")
    return text.removeprefix(" ")


def _likelihoods(resps: Json, count: int) -> list[float]:
    """One log-likelihood for each choice, each asked once."""
    if not isinstance(resps, list) or len(resps) != count:
        raise ValueError("has not one of `resps` for each choice")
    found = []
    for resp in resps:
        match resp:
            case [[str() | float() | int() as text, _]]:
                found.append(_number(text))
            case _:
                raise ValueError("has a choice that was not asked just once")
    return found


def _number(text: str | float) -> float:
    try:
        return float(text)
    except ValueError as err:
        raise ValueError("has a log-likelihood that is no number") from err


def _answer(target: Json, texts: list[str]) -> int:
    """The right choice: its index, or the one choice with its text."""
    if isinstance(target, str) and target.isascii() and target.isdigit() and len(target) < 5:
        at = int(target)
        if at < len(texts):
            return at
    matching = [at for at, text in enumerate(texts) if text == target]
    if len(matching) != 1:
        raise ValueError("has a `target` that names no single choice")
    return matching[0]


def _check_accuracy(claimed: Json, likelihoods: list[float], answer: int) -> None:
    """The harness's own ``acc`` follows from the same numbers: of equal ones it takes the first."""
    if claimed is None or any(math.isnan(number) for number in likelihoods):
        return
    best = max(range(len(likelihoods)), key=lambda at: (likelihoods[at], -at))
    if claimed != float(best == answer):
        raise ValueError("has an `acc` that does not follow from its log-likelihoods")
