"""A comparison of the runs of a store, which can draw their curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runlake.comparison.comparison import Comparison
from runlake.comparison.picture import Picture, read_picture
from runlake.errors import NotFoundError

if TYPE_CHECKING:
    from runlake.service.contract import Service


class RunComparison(Comparison, frozen=True, kw_only=True):
    """Where runs differ: `paths`, `differences`, `curves` and `verdicts`; `keys` are those that were named."""

    service: Any
    keys: tuple[str, ...] | None = None

    def picture(self, keys: Sequence[str] | None = None) -> Picture:
        """The curves of the runs over each other, as they are now: a panel for each of `keys`.

        Without `keys` those that the comparison named, else the first 40 that all runs share. Draw it with `to_html`,
        `to_png` or `to_svg`, or `save` it. `NotFoundError` where they share no numbers, or have not logged a key.
        """
        return read_picture(self.service, self, self.keys if keys is None else keys)

    def to_html(self) -> str:
        """`picture` as a page that stands alone: the curves, and below them where the runs differ."""
        return self.picture().to_html()

    def __repr__(self) -> str:
        runs = ", ".join(map(str, self.paths))
        return f"RunComparison({runs}: {len(self.differences)} differences, {len(self.broken)} broken conditions)"

    def _repr_html_(self) -> str | None:
        try:
            return self.picture().to_svg()
        except NotFoundError:
            return None  # nothing to draw: a notebook shows the text


def drawable(found: Comparison, service: Service, keys: Sequence[str] | None) -> RunComparison:
    """The same, of runs that lie in a store."""
    given = {name: getattr(found, name) for name in found.__struct_fields__}
    return RunComparison(**given, service=service, keys=None if keys is None else tuple(keys))
