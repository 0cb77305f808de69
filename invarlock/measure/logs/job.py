"""What parent and child say to each other about the log of one arm. The answer is an
:class:`~invarlock.measure.job.ArmAnswer`."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from invarlock.evidence.schema import Arm, Contract, Digest, Frozen, LogKind, Schedule

LOG_FILE: Final = "log.jsonl"
ORDER_FILE: Final = "order.json"


class LogJob(Frozen):
    """What to read of one arm's log.

    Inputs lie in the folder given as ``--in``: ``job.json``, ``log.jsonl``, and for the subject
    what the baseline's arm wrote: ``order.json``, the content digest of every document in the
    order of the log, and ``windows.json``.

    The seed of ``schedule`` is not known before the log is read: it follows from ``bar``, from the
    digest of the documents, and from the schedule's beacon.
    """

    version: Literal["invarlock.log-job/1"] = "invarlock.log-job/1"
    arm: Arm
    kind: LogKind
    contract: Contract
    schedule: Schedule
    bar: Digest
    slice_key: str | None = Field(default=None, max_length=128)
