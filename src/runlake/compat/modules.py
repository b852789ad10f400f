"""The modules of W&B's package that are no files here: found by name, their names given by `objects`.

Scripts and libraries import from deep inside W&B's package, hundreds of places with a name or two each. Those whose
content is our own are files of ``wandb_package``; for the rest one finder answers, with a module whose names are
looked up when they are asked for. Which modules there are stands in ``wandb_names.txt``. A file wins over the list.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from runlake.compat.finder import PACKAGE_FOLDER
from runlake.compat.objects import EARLIER_MODULES, OTHER_NAMES, find_object

LIST = Path(__file__).with_name("wandb_names.txt")
"""Every module of the official client and the names it offers, written by ``tests/compat/list_wandb_names.py``."""


@cache
def known_names() -> dict[str, frozenset[str]]:
    """Which names each module of W&B offers, by the module's name; those of earlier versions too."""
    lines = LIST.read_text("utf-8").replace("\n ", " ").splitlines()
    known = {module: names for module, *names in map(str.split, lines)}
    for module, names in EARLIER_MODULES.items():
        known[module] = known.get(module, []) + names.split()
    for module in list(known):  # a package that holds others need not be listed by itself
        while module := module.rpartition(".")[0]:
            known.setdefault(module, [])
    return {module: frozenset(names) for module, names in known.items()}


def _listed(module: str) -> frozenset[str]:
    return known_names().get(module, frozenset())


@cache
def _packages() -> frozenset[str]:
    names = [*known_names(), *OTHER_NAMES.values()]
    return frozenset(name.rpartition(".")[0] for name in names) | frozenset(
        other for other, module in OTHER_NAMES.items() if any(n.startswith(f"{module}.") for n in names)
    )


class ListedModule(ModuleType):
    """A module that is on the list: each of its names is looked up when it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return sorted(_listed(self.__name__))
        found = find_name(self.__name__, name)
        if not isinstance(found, ModuleType):
            self.__dict__[name] = found
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing ``wandb.plot.bar`` would set it in ``wandb.plot``, where the function of that name stands.
        is_taken = name in _listed(self.__name__) or not isinstance(self.__dict__.get(name, value), ModuleType)
        if not (isinstance(value, ModuleType) and is_taken):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *_listed(self.__name__), *submodules(self.__name__)})


class ListedFile(SourceFileLoader):
    """Loads a file of the package; names of W&B that the file does not have are looked up as in a listed module."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return ListedModule(spec.name)


class ListFinder:
    """Finds the modules below `wandb`: those that are files, and those of the list."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith("wandb.") or not any(
            str(entry).startswith(str(PACKAGE_FOLDER)) for entry in path or ()
        ):
            return None  # another wandb's, where install_as_wandb() came too late
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = ListedFile(spec.loader.name, spec.loader.path)
            return spec
        if fullname not in known_names() and fullname not in OTHER_NAMES:
            return None
        spec = ModuleSpec(fullname, self, origin=str(LIST), is_package=fullname in _packages())  # type: ignore[arg-type]
        if spec.submodule_search_locations is not None:  # files may lie below a package that is none
            spec.submodule_search_locations.append(str(PACKAGE_FOLDER.joinpath(*fullname.split("."))))
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return ListedModule(spec.name, f"Names of ``{spec.name}`` that scripts and libraries import.")

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ in OTHER_NAMES:
            sys.modules[module.__name__] = importlib.import_module(OTHER_NAMES[module.__name__])


def find_name(module: str, name: str, *, with_modules: bool = True) -> Any:
    """What stands at `name` of a module of W&B: runlake's own object, a module, or one that says it is missing.

    Raises `AttributeError` for what W&B does not have either, and for modules where they are not wanted.
    """
    known = known_names()
    if not name.startswith("__"):
        is_listed = name in _listed(module)
        if (found := find_object(module, name, is_listed=is_listed)) is not None:
            return found
        child = f"{module}.{name}"
        is_module = child in known or child in OTHER_NAMES
        if is_module and with_modules:
            return importlib.import_module(child)
        if is_listed and not is_module:
            from runlake.compat.unsupported import unsupported

            return unsupported(child)
    raise AttributeError(f"module {module!r} (runlake) has no attribute {name!r}")


@cache
def submodules(module: str) -> frozenset[str]:
    """The names of the modules directly in a package of W&B."""
    names = (name.rpartition(".") for name in (*known_names(), *OTHER_NAMES))
    return frozenset(name for package, _, name in names if package == module)


def find_listed_modules() -> None:
    """Let imports find the modules of the list; doing it twice changes nothing."""
    if not any(isinstance(finder, ListFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, ListFinder())
