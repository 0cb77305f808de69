"""The Merkle tree of RFC 6962 (section 2.1) over sha256: one window can be shown without the rest.

Leaves and inner nodes are hashed under different first bytes, so that neither passes for the
other, and the tree of n leaves is the one shape that the RFC gives it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from invarlock.evidence.schema import Digest


def merkle_root(leaves: Sequence[bytes]) -> Digest:
    """The root over ``leaves`` in order: MTH of RFC 6962, section 2.1. None: sha256 of nothing."""
    return _text(_root([_leaf(leaf) for leaf in leaves]))


def inclusion_proof(leaves: Sequence[bytes], position: int) -> tuple[Digest, ...]:
    """The audit path of the leaf at ``position``, nearest sibling first: PATH of section 2.1.1.

    Raises :class:`IndexError` where there is no such leaf.
    """
    if not 0 <= position < len(leaves):
        raise IndexError(f"no leaf {position} among {len(leaves)}")
    return tuple(map(_text, _path([_leaf(leaf) for leaf in leaves], position)))


def includes(root: Digest, leaf: bytes, position: int, count: int, proof: Sequence[Digest]) -> bool:
    """Whether ``proof`` shows that ``leaf`` is the one at ``position`` of ``count`` under ``root``.

    The steps are those of RFC 9162, section 2.1.3.2. Never raises for what ``proof`` holds.
    """
    if not 0 <= position < count:
        return False
    node, at, last = _leaf(leaf), position, count - 1
    for sibling in map(_bytes, proof):
        if last == 0 or sibling is None:
            return False
        if at & 1 or at == last:
            node = _inner(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = _inner(node, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and _text(node) == root


def _leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _root(hashes: Sequence[bytes]) -> bytes:
    """The tree's shape, bottom up: pairs from the left, an odd one moves up as it is."""
    level = list(hashes)
    if not level:
        return hashlib.sha256().digest()
    while len(level) > 1:
        paired = [_inner(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
        level = paired + level[2 * len(paired) :]
    return level[0]


def _path(hashes: Sequence[bytes], position: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = 1 << (len(hashes) - 1).bit_length() - 1
    left, right = hashes[:split], hashes[split:]
    if position < split:
        return [*_path(left, position), _root(right)]
    return [*_path(right, position - split), _root(left)]


def _text(digest: bytes) -> Digest:
    return "sha256:" + digest.hex()


def _bytes(digest: Digest) -> bytes | None:
    """The 32 bytes of a digest; ``None`` for what is none."""
    name, _, digits = digest.partition(":")
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        return None
    return found if name == "sha256" and len(found) == 32 else None
