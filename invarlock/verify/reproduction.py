"""What level `reproduced` did, as data: the challenge, how it went, and how likely it missed."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from invarlock.evidence.schema import Dtype


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Missed(_Closed):
    """A forger who changed ``windows`` windows at random places was missed with ``probability``,
    a decimal that is rounded up."""

    windows: int
    probability: str


class Allowed(_Closed):
    """What numbers may differ by, in nats: one log-loss, the mean of the largest window, the mean
    change over all windows challenged."""

    dtype: Dtype
    token: str
    window: str
    shift: str


class Reproduction(_Closed):
    """The challenge and what came of it.

    Attributes:
        seed: 64 hex digits, drawn after the signature was verified.
        windows: how many windows the evidence has.
        always: how many of them, the first, are evaluated again whatever the seed.
        challenged: places of the others that the seed drew, ascending.
        isolation: how the consumer's own boundary was closed.
        device, signed_device: where it was evaluated now, and by the evidence.
        largest: the largest difference of one token's log-loss, in nats.
        shift: by how much the mean change of log-loss was told too low, in nats.
        allowed: the tolerances.
        survives: whether a pass holds in the worst case within tolerance; ``None`` without a pass.
        one: the odds for a single window that was changed.
        many: the odds for the fewest changed windows that are missed once in twenty or less.
        flip: the odds for the fewest windows whose truth could turn the verdict, were the subject
            no better there than chance; ``None`` without a pass, or where no number would.
    """

    seed: str
    windows: int
    always: int
    challenged: tuple[int, ...]
    isolation: str
    device: str
    signed_device: str
    largest: str
    shift: str
    allowed: Allowed
    survives: bool | None = None
    one: Missed | None = None
    many: Missed | None = None
    flip: Missed | None = None

    def lines(self) -> Iterator[str]:
        """The reproduction as lines for people."""
        rest = self.windows - self.always
        drawn = f"{len(self.challenged)} of {rest} windows"
        fixed = f", and the first {self.always}" if self.always else ""
        yield f"challenge   {drawn}{fixed}; seed {self.seed}, drawn after the signature"
        yield (
            f"again       on {self.device} in {self.isolation}: log-losses at most {self.largest} "
            f"nats apart, {self.allowed.token} allowed; mean change {self.shift}, "
            f"{self.allowed.shift} allowed"
        )
        if self.one is not None:
            yield f"odds        one changed window would be missed with p = {self.one.probability}"
        if self.many is not None:
            yield f"odds        {self.many.windows} of them with p = {self.many.probability}"
        if self.flip is not None:
            yield (
                "odds        to turn the verdict, a subject no better than chance would have to be "
                f"hidden in {self.flip.windows} windows: missed with p = {self.flip.probability}"
            )
        elif self.survives and self.one is None:
            yield "odds        none: every window was evaluated again"
        elif self.survives:
            yield "odds        a subject no better than chance in windows left out would not fail"
