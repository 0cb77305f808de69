"""Chat templates: programs that come with a model, run in jinja2's sandbox and within limits.

The environment is that in which transformers renders (``chat_template_utils``): the immutable
sandbox, trimmed blocks, loop controls, ``generation`` blocks, ``raise_exception``, ``tojson``. What
a template may cost is bounded here: characters of what it gives, factors of its products, seconds
of one conversation. It sees no clock: ``strftime_now`` tells one fixed day, so that a rendering
does not depend on when it is made.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import FrameType
from typing import Any, Final

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from invarlock.errors import SafetyRefusal

MAX_SOURCE: Final = 1 << 20
"""Characters of a template."""
MAX_TEXT: Final = 1 << 24
"""Characters of one rendered conversation."""
SECONDS: Final = 10.0
"""What one conversation may take; a sane template takes a thousandth."""
_DAY: Final = datetime(2024, 1, 1)
_HINT: Final = "use the tokenizer of a chat model that you trust"
_BIG: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as text, and the spans of it, in characters, that the assistant says."""

    text: str
    spans: tuple[tuple[int, int], ...]


class Template:
    """A chat template, compiled once. ``roles`` are the texts of special tokens.

    Raises :class:`SafetyRefusal` E210 when it does not compile.
    """

    def __init__(self, source: str, roles: Mapping[str, str]) -> None:
        if len(source) > MAX_SOURCE:
            raise _refused(f"is longer than {MAX_SOURCE} characters")
        self._roles = dict(roles)
        self._marks: list[tuple[int, int]] = []
        self._written = 0
        with _bounded():
            environment = _Environment(self._mark)
            self._template = environment.from_string(source)

    def chat(self, messages: Sequence[Message]) -> Rendered:
        """The whole conversation, with what the assistant says.

        Raises :class:`SafetyRefusal` E210 when the template fails, asks for more than its limits,
        or renders earlier messages otherwise once later ones follow.
        """
        with _bounded():
            whole = self._render(messages)
            spans = tuple(self._marks) or tuple(self._grown(messages, whole))
        return Rendered(whole, spans)

    def _grown(self, messages: Sequence[Message], whole: str) -> Iterator[tuple[int, int]]:
        """What each assistant message adds: from where the template asks for an answer to where
        the next message would begin."""
        for index, message in enumerate(messages):
            if message.role != "assistant":
                continue
            before = self._render(messages[:index], prompt=True) if index else ""
            after = self._render(messages[: index + 1])
            if not (after.startswith(before) and whole.startswith(after)):
                raise _refused("renders a turn otherwise once another follows, and marks no answer")
            yield len(before), len(after)

    def _render(self, messages: Sequence[Message], *, prompt: bool = False) -> str:
        self._marks.clear()
        self._written = 0
        parts: list[str] = []
        given = [{"role": message.role, "content": message.content} for message in messages]
        for part in self._template.generate(
            messages=given, tools=None, documents=None, add_generation_prompt=prompt, **self._roles
        ):
            parts.append(part)
            self._written += len(part)
            if self._written > MAX_TEXT:
                raise _refused(f"gives more than {MAX_TEXT} characters")
        return "".join(parts)

    def _mark(self, answer: str) -> None:
        self._marks.append((self._written, self._written + len(answer)))


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with products and powers held to a size before they are made."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, mark: Callable[[str], None]) -> None:
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
        )
        self.mark = mark
        self.filters["tojson"] = _tojson
        self.globals["raise_exception"] = _raise
        self.globals["strftime_now"] = _DAY.strftime

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse what could fill the memory in one step."""
        sizes = [
            len(side) if isinstance(side, str | list | tuple) else side for side in (left, right)
        ]
        if operator == "%" and isinstance(left, str):
            raise SecurityError("`%` on a text")
        if operator == "**" or any(isinstance(side, str | list | tuple) for side in (left, right)):
            limit = 64 if operator == "**" else MAX_TEXT
            product = abs(sizes[1]) if operator == "**" else abs(sizes[0] * sizes[1])
            if product > limit or abs(sizes[0]) > _BIG:
                raise SecurityError(f"`{operator}` of numbers too large")
        return super().call_binop(context, operator, left, right)


class _Generation(Extension):
    """``{% generation %}``: what the assistant says, as transformers marks it."""

    tags = {"generation"}  # noqa: RUF012 - the library's word

    def parse(self, parser: Parser) -> nodes.Node:
        """The block, its text told to the environment's ``mark``."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_told"), [], [], body).set_lineno(line)

    def _told(self, caller: Macro) -> str:
        answer = str(caller())
        if isinstance(self.environment, _Environment):
            self.environment.mark(answer)
        return answer


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **kw: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **kw)


def _raise(message: object) -> None:
    raise TemplateError(str(message))


@contextmanager
def _bounded() -> Iterator[None]:
    """What a template raises inside, and what takes too long, as a refusal."""
    try:
        with _alarm():
            yield
    except MemoryError as err:
        raise _refused("fills the memory") from err
    except _TooLong as err:
        raise _refused(f"takes longer than {SECONDS:.0f} seconds") from err
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as err:
        raise _refused(f"fails: {_line(err)}") from err
    except TemplateError as err:
        raise _refused(f"fails: {_line(err)}") from err


class _TooLong(BaseException):
    """Raised by the alarm. jinja2 rewrites the traceback of every :class:`Exception`."""


@contextmanager
def _alarm() -> Iterator[None]:
    """Raise :class:`_TooLong` inside after :data:`SECONDS`. Only a process's first thread can be
    woken; arms run in it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _line(err: Exception) -> str:
    text = " ".join(str(err).split())[:200].lower()
    return "".join(char if char.isprintable() else "?" for char in text)


def _refused(what: str) -> SafetyRefusal:
    return SafetyRefusal("E210", f"the chat template {what}", _HINT)
