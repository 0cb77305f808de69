"""The filter's bytes: the same every time, and recorded by digest."""

from __future__ import annotations

import builtins
import hashlib
from collections.abc import Mapping, Sequence

import pyseccomp
import pytest

from invarlock.errors import EnvironmentFault
from invarlock.security.seccomp import DENIED, build_filter


def test_the_same_bytes_every_time() -> None:
    first = build_filter()
    build_filter.cache_clear()
    assert build_filter() == first
    assert first.digest == "sha256:" + hashlib.sha256(first.program).hexdigest()
    assert len(first.program) % 8 == 0  # a BPF instruction has eight bytes


def test_every_denied_call_is_in_the_program() -> None:
    program = build_filter().program
    for name in DENIED:
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        if number >= 0:
            assert number.to_bytes(4, "little") in program, name
    assert (9999).to_bytes(4, "little") not in program


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(
        name: str,
        names: Mapping[str, object] | None = None,
        local: Mapping[str, object] | None = None,
        wanted: Sequence[str] = (),
        level: int = 0,
    ) -> object:
        if name == "pyseccomp":
            raise ImportError(name)
        return real(name, names, local, wanted, level)

    build_filter.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", absent)
        with pytest.raises(EnvironmentFault) as fault:
            build_filter()
    assert fault.value.code == "E605"
    assert "pip install 'invarlock[hf]'" in fault.value.hint
    assert build_filter().program
