"""Reading what a boundary left in its output folder, which is untrusted like the model was."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from invarlock.canonical import StrictJsonError, strict_json
from invarlock.errors import (
    EnvironmentFault,
    Inconclusive,
    InternalFault,
    InvarlockError,
    SafetyRefusal,
    UsageFault,
)
from invarlock.measure.job import ANSWER_FILE, NO_ROOM, ArmAnswer, ArmError

MAX_ANSWER_BYTES: Final = 16 << 20
MAX_PART_BYTES: Final = 2 << 30
_MAX_TEXT: Final = 400

# A boundary may say that its input was bad; it may not claim that verification failed.
_FAULTS: Final[dict[int, type[InvarlockError]]] = {
    fault.exit_code: fault for fault in (UsageFault, Inconclusive, SafetyRefusal, EnvironmentFault)
}


def read_output(folder: Path, name: str, max_bytes: int = MAX_PART_BYTES) -> bytes:
    """The bytes of the regular file ``name`` in ``folder``; links are not followed.

    Raises :class:`SafetyRefusal` E303 when it is absent, no regular file, or too large.
    """
    try:
        fd = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as err:
        raise _unusable(f"it left no file `{name}`") from err
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise _unusable(f"`{name}` is not a regular file")
        if status.st_size > max_bytes:
            raise _unusable(f"`{name}` is larger than {max_bytes} bytes")
        return file.read(max_bytes + 1)


def read_answer(folder: Path, returncode: int, stderr_tail: str) -> ArmAnswer:
    """The arm's answer, checked against its schema; its error, if any, is raised here.

    Raises what the boundary reported, E603 when it had no
    room to write, or :class:`SafetyRefusal` E303 when there is no answer.
    """
    if returncode == NO_ROOM:
        raise EnvironmentFault("E603", f"no room to write below `{folder}`", "free space")
    if not os.path.lexists(folder / ANSWER_FILE):
        said = _clean(stderr_tail.strip().rsplit("\n", maxsplit=1)[-1])
        raise _unusable(f"it ended with code {returncode} and no answer: `{said}`")
    data = read_output(folder, ANSWER_FILE, MAX_ANSWER_BYTES)
    try:
        strict_json(data, max_bytes=MAX_ANSWER_BYTES)
        answer = ArmAnswer.model_validate_json(data)
    except (StrictJsonError, ValidationError) as err:
        raise _unusable("its answer does not fit the schema") from err
    if answer.error is not None:
        raise _fault(answer.error)
    if returncode != 0:
        raise _unusable(f"it answered, and then ended with code {returncode}")
    return answer


def _fault(error: ArmError) -> InvarlockError:
    fault = _FAULTS.get(error.exit_code, InternalFault)
    return fault(error.code, _clean(error.message), _clean(error.hint))


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:_MAX_TEXT]


def _unusable(why: str) -> SafetyRefusal:
    return SafetyRefusal("E303", f"the boundary's answer cannot be used: {why}", "run again")
