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


def parse_sample(
    value: dict[str, Json], number: int, slice_key: str | None, normalise: str = "none"
) -> Item:
    """The document of one line; ``slice_key`` names the key of ``doc`` that tells its slice.

    Raises :class:`ValueError` for what is no sample of a multiple choice, for a filter that changed
    the answers, and for an ``acc`` that does not follow from the log-likelihoods; where the
    contract has ``normalise = bytes``, for such an ``acc_bytes`` too.
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
    sizes = tuple(max(1, len(text.encode())) for text in texts)
    _check_accuracy("acc", value.get("acc"), likelihoods, answer)
    if normalise == "bytes":
        by_size = [number / size for number, size in zip(likelihoods, sizes, strict=True)]
        _check_accuracy("acc_bytes", value.get("acc_bytes"), by_size, answer)
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
        sizes=sizes,
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
    """The right choice: its index, or the one choice with its text; not one of two readings."""
    matching = [at for at, text in enumerate(texts) if text == target]
    if isinstance(target, str) and target.isascii() and target.isdigit() and len(target) < 5:
        at = int(target)
        if at < len(texts):
            if set(matching) - {at}:
                raise ValueError("has a `target` that is one choice's index and another's text")
            return at
    if len(matching) != 1:
        raise ValueError("has a `target` that names no single choice")
    return matching[0]


def _check_accuracy(name: str, claimed: Json, scores: list[float], answer: int) -> None:
    """The harness's own accuracy follows from the same numbers: of equal ones it takes the first.

    ``acc_norm`` is not looked at: it divides by characters, which is nothing a bar can ask for.
    """
    if claimed is None or any(math.isnan(number) for number in scores):
        return
    best = max(range(len(scores)), key=lambda at: (scores[at], -at))
    if claimed != float(best == answer):
        raise ValueError(f"has an `{name}` that does not follow from its log-likelihoods")
