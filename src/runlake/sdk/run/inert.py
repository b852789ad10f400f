"""An object that takes part in everything and does nothing: what stands for a missing thing in a disabled run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Inert:
    """Answers itself to every call, attribute and key; iterating over it gives nothing.

    Called with a function alone it answers that function, so that it can stand where a decorator is meant.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        is_decorating = len(args) == 1 and not options and callable(args[0]) and not isinstance(args[0], Inert)
        return args[0] if is_decorating else self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # protocols that are not here are not here: copying, pickling, arrays
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def __delitem__(self, key: Any) -> None: ...

    def __contains__(self, key: object) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Inert:
        return self

    def __exit__(self, *error: object) -> None: ...

    def __repr__(self) -> str:
        return "Inert()"
