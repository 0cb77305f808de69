"""A Merkle tree that only grows (RFC 6962 section 2.1), kept by its leaves' hashes."""

from __future__ import annotations

from hashlib import sha256


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def root_hash(leaves: list[bytes]) -> bytes:
    """The root over leaves' hashes, at least one."""
    if len(leaves) == 1:
        return leaves[0]
    half = _split(len(leaves))
    return _node(root_hash(leaves[:half]), root_hash(leaves[half:]))


def inclusion_proof(leaves: list[bytes], index: int) -> list[bytes]:
    """The siblings on the way from leaf ``index`` to the root, lowest first."""
    if len(leaves) == 1:
        return []
    half = _split(len(leaves))
    if index < half:
        return [*inclusion_proof(leaves[:half], index), root_hash(leaves[half:])]
    return [*inclusion_proof(leaves[half:], index - half), root_hash(leaves[:half])]


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return int(1 << ((size - 1).bit_length() - 1))


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
