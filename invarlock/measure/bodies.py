"""A model ready to be scored: loaded for its task, seen to predict honestly, its head split off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invarlock.artifacts.model_files import ModelFiles, open_model
from invarlock.errors import SafetyRefusal
from invarlock.evidence.layout import Layout
from invarlock.measure.job import ArmJob
from invarlock.measure.tasks.causal_lm import CausalFeed
from invarlock.measure.tasks.multiple_choice import ChoicesFeed
from invarlock.measure.tasks.protocol import ChoiceFeed, Feed, Task
from invarlock.measure.tasks.seq2seq_lm import Seq2SeqFeed
from invarlock.measure.tokenizer import Tokenizer

if TYPE_CHECKING:
    from invarlock.measure.head import Head
    from invarlock.measure.loading import Loaded
    from invarlock.measure.score import Body


@dataclass(frozen=True, slots=True, eq=False)
class How:
    """A model's folder, and what is to be done with it."""

    folder: Path
    task: Task[Any]
    tokenizer: Tokenizer


def load_body(
    job: ArmJob, files: ModelFiles, how: How, layout: Layout, say: Callable[[str], None]
) -> Body:
    """The model of ``how``, as its task runs it over ``layout``; ``say`` is told what is unusual.

    Raises :class:`SafetyRefusal` E206, E207, E210 where it cannot be run, or sees what it is to
    predict.
    """
    from invarlock.measure import loading
    from invarlock.measure.devices import check_device, moved
    from invarlock.measure.head import read_head
    from invarlock.measure.products import use_products

    task = how.task
    loading.quiet()
    loading.use_threads(job.threads)
    check_device(job.device)
    config = loading.read_config(files, task.models)
    loading.check_positions(config, task.longest(how.tokenizer))
    loaded = loading.load_model(how.folder, files, config, task.models, job.contract.dtype)
    loaded = replace(loaded, model=moved(loaded.model, job.device))
    if job.device == "cpu":
        use_products(loaded.model)
    largest = int(layout.tokens.max())
    if largest >= loaded.vocabulary:
        raise SafetyRefusal(
            "E207",
            f"the windows hold token id {largest}, the model embeds {loaded.vocabulary}",
            "use the tokenizer made for these weights",
        )
    feed = task.feed(how.tokenizer, config)
    body = _body(loaded, feed, read_head(files, config, task.models), layout)
    for line in _unusual(body, loaded.unexpected):
        say(line)
    return body


def read_own_head(folder: Path, task: Task[Any]) -> Head | None:
    """The head of the model in ``folder``, which is not run; ``None`` where it is not split."""
    from invarlock.measure.head import read_head
    from invarlock.measure.loading import read_config

    with open_model(folder) as files:
        return read_head(files, read_config(files, task.models), task.models)


def _body(loaded: Loaded, feed: Feed | ChoiceFeed, head: Head | None, layout: Layout) -> Body:
    """The model with its head, if that gives what the whole model gives."""
    from invarlock.measure.causality import check_causal, check_decoder
    from invarlock.measure.head import agrees, agrees_on
    from invarlock.measure.loading import forward_pass
    from invarlock.measure.score import Body

    longest = int(layout.lengths.argmax())
    if isinstance(feed, CausalFeed):
        with forward_pass():
            check_causal(loaded.model, layout.window(longest))
        split = head is not None and agrees(head, loaded.model)
        choices = feed if isinstance(feed, ChoicesFeed) else None
        return Body(loaded.model, head if split else None, feed, choices)
    if not isinstance(feed, Feed):
        return Body(loaded.model, None, choices=feed)
    if isinstance(feed, Seq2SeqFeed):
        most = int(layout.counts.argmax())
        check_decoder(feed, loaded.model, layout.part(most, most + 1))
    window = layout.part(longest, longest + 1)
    split = head is not None and agrees_on(head, loaded.model, feed, window)
    return Body(loaded.model, head if split else None, feed)


def _unusual(body: Body, unexpected: int) -> Iterator[str]:
    """What a user should know of a model that will be scored all the same."""
    if unexpected:
        what = "tensor is" if unexpected == 1 else "tensors are"
        yield f"{unexpected} stored {what} not used by the architecture"
    if body.head is None and body.choices is None:
        yield "this architecture's head is not split: no KL, Δp, agreement"
