"""The digest by which OpenSSF Model Signing names a model, for joining its signatures to ours.

Source: model_signing 1.1.1, files serialised with sha256, its default: sha256 over the digests of
all files, one after the other, in the order of their names. It covers no names, so it joins and
proves nothing; what holds a model together here is the root digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def oms_digest(files: Iterable[tuple[str, str]]) -> str:
    """``sha256:…`` over the digests of ``files``, given as ``(path, sha256:…)``.

    Paths have ``/`` between their steps and are ordered step by step, as the library orders them:
    ``a/b`` comes before ``a-b``.
    """
    whole = hashlib.sha256()
    for _, digest in sorted(files, key=lambda file: file[0].split("/")):
        whole.update(bytes.fromhex(digest.removeprefix("sha256:")))
    return "sha256:" + whole.hexdigest()
