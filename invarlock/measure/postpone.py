"""Packages of the libraries that a forward pass does not need, run only once something asks.

The model library imports PyTorch's compiler for the sake of a few decorators, its distributed
tensors for checks of type, and reads the source of every model it knows to list their names. That
took half of the time and a quarter of the memory of a process that scores a small model. Here the
modules of :data:`POSTPONED` are found but not run: importing one of their submodules works, and the
first use of a name that only the module itself can give runs it after all, and so does
:func:`run_now`. So nothing is taken away; if a version of a library needs more, only time is lost.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import version
from types import ModuleType
from typing import Any, Final, Unpack

Known = Callable[[], Mapping[str, object]]


def _mark(function: Any = None, *_: object, **__: object) -> Any:
    """What the compiler's decorators come to where nothing is compiled: the function as it is."""
    return function if function is not None else _mark


POSTPONED: Final[Mapping[str, Known]] = {
    "torch._dynamo": lambda: dict.fromkeys(
        ("allow_in_graph", "assume_constant_result", "disable"), _mark
    ),
    "torch._meta_registrations": dict,
    "torch.export": dict,
    "torch.utils._content_store": dict,  # it and `torch._prims` import one another
    "transformers": lambda: {"__version__": version("transformers")},
    "transformers.models": dict,
    "transformers.processing_utils": lambda: {"Unpack": Unpack},
}
"""Modules by name, with what each offers without being run."""

META_KERNELS: Final = "torch._meta_registrations"
"""What PyTorch's own tables lack for tensors without storage, which models are built of at first;
:func:`run_now` brings it. It holds no name that anything would ask for."""

_WAITING: Final = "_invarlock_waiting"


def postpone() -> None:
    """Let the modules of :data:`POSTPONED` wait from now on; those already imported stay."""
    sys.meta_path.insert(0, _Finder())


def run_now(name: str) -> bool:
    """Run the module ``name`` for what it does rather than for a name in it; whether it waited."""
    module = sys.modules[name]
    waiting: list[Loader] = vars(module).get(_WAITING, [])
    if not waiting:
        return False
    waiting.pop().exec_module(module)
    return True


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's own spec, its loader wrapped."""
        if fullname != "torch" and fullname not in POSTPONED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = (_Alone if fullname == "torch" else _Postponed)(spec.loader)
        return spec


class _Alone(Loader):
    """PyTorch, told that this process is not one of several; the model library asks it.

    Its random generators get the class of their class, which is otherwise given to them on the way
    to the operators of the meta device.
    """

    def __init__(self, own: Loader) -> None:
        self._own = own

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        self._own.exec_module(module)
        torch: Any = module
        torch.distributed.is_available = lambda: False
        give = getattr(torch._C, "_set_generator_metaclass", None)
        if give is not None:
            give(import_module("torch._opaque_base").OpaqueBaseMeta)


class _Postponed(Loader):
    def __init__(self, own: Loader) -> None:
        self._own = own

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing yet: give the module what is known, and a way to the rest."""
        waiting = [self._own]

        def missing(name: str) -> object:
            """PEP 562: a name that the module does not have yet."""
            here = f"{module.__name__}.{name}"
            if name.startswith("__"):
                raise AttributeError(f"module `{module.__name__}` has no attribute `{name}`")
            if PathFinder.find_spec(here, _path(module)) is not None:
                return import_module(here)
            if waiting:
                waiting.pop().exec_module(module)
            real = sys.modules[module.__name__]
            if real is not module or name in vars(module):
                return getattr(real, name)
            raise AttributeError(f"module `{module.__name__}` has no attribute `{name}`")

        vars(module).update(POSTPONED[module.__name__](), __getattr__=missing)
        vars(module)[_WAITING] = waiting


def _path(module: ModuleType) -> Sequence[str] | None:
    return getattr(module, "__path__", None)
