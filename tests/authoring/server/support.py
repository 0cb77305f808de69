"""Policies with a cursor in them, and what the server's functions see there."""

from __future__ import annotations

from collections.abc import Mapping

from invarlock.authoring.server.analysis import Analysis, analyse
from invarlock.errors import EnvironmentFault

CURSOR = "‸"

HOUSE = """\
invar 1
policy house "1.0.0"
task = causal_lm; windows { length = 128 tokens }
require tokenizer.same == yes
tier base {
  require kl.mean <= 0.5 nats
}
tier balanced refines base {
  require perplexity.ratio <= 1.20
}
"""

WHOLE = """\
invar 1
policy sample "1.0.0"
task = causal_lm
windows { length = 128 tokens }
require tokenizer.same == yes
require runtime.isolation in {
  sandbox   # and no other
}
tier loose {
  require perplexity.ratio on "code" <= 120%
  require perplexity.drift in [0.9, 1.1)
  warn kl.mean <= 0.2 nats
}
tier tight refines loose {
  require perplexity.ratio on "code" <= 1.1
  require spectral.shift on each family <= 0.1
}
profile ci { require windows.final >= 240; require kl.mean <= 0.1 }
test "a bad slice" {
  tier = tight; profile = ci
  given perplexity.ratio on "code" = 1.3 in [1.26, 1.34]
  expect fail because perplexity.ratio on "code"
}
"""


def reader(files: Mapping[str, str]):
    """Reads included files from a mapping; refuses what it lacks."""

    def read(path: str) -> bytes:
        if path not in files:
            raise EnvironmentFault("E601", f"`{path}` does not exist", "check the path")
        return files[path].encode()

    return read


def at(marked: str, files: Mapping[str, str] | None = None) -> tuple[Analysis, int]:
    """The analysis of ``marked`` without its one cursor, and the cursor's offset."""
    offset = marked.index(CURSOR)
    text = marked.replace(CURSOR, "")
    return analyse(text, filename="p.invar", reader=reader(files or {})), offset


def whole(place: str, files: Mapping[str, str] | None = None) -> tuple[Analysis, int]:
    """:data:`WHOLE` with the cursor where ``place``, a piece of it, has one."""
    assert WHOLE.count(place.replace(CURSOR, "")) == 1, place
    return at(WHOLE.replace(place.replace(CURSOR, ""), place), files)
