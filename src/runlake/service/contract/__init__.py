"""The verbs: everything above the store speaks these, and nothing else.

The list is closed: another verb needs a decision record. `local.LocalService` implements it over a folder; a
remote implementation over HTTP answers the same. One test suite runs over all of them.

The law of the data
-------------------
A *run* is found by `RunPath(entity, project, run_id)`. What a reader sees is the newest *generation* of the run:
a fresh start under an old id, or a rewind, opens a new one. Older ones can be read by their names: `generation` of
the verbs that read a run, None for the newest. Files belong to the run and not to a generation.

Rows of a stream have an identity (generation, writer, n) and an order; their `_step` is data, may repeat and may go
back. Values come back as they went in, bit for bit, types included; a row holds only the keys that were logged in it.

Reading sees every row whose `log()` call has returned in any process, whether sealed or not.

Errors: `NotFoundError` for what is not there, `FilterError` for a filter or an order that cannot be read,
`PathError` for names that cannot be used, `ReadOnlyError` for edits of a store that cannot be written,
`CorruptError` / `NewerFormatError` where bytes are not as they should be.
"""

from __future__ import annotations

from typing import Protocol

from runlake.service.contract.artifacts import ArtifactVerbs
from runlake.service.contract.care import CareVerbs
from runlake.service.contract.files import FileVerbs
from runlake.service.contract.projects import ProjectVerbs
from runlake.service.contract.rows import RowVerbs
from runlake.service.contract.runs import RunVerbs
from runlake.service.contract.segments import SegmentVerbs
from runlake.service.contract.sweeps import SweepVerbs
from runlake.service.contract.tiles import TileVerbs
from runlake.service.contract.views import ViewVerbs
from runlake.service.contract.writers import WriterVerbs


class Service(
    ProjectVerbs,
    RunVerbs,
    RowVerbs,
    FileVerbs,
    WriterVerbs,
    SweepVerbs,
    ArtifactVerbs,
    ViewVerbs,
    TileVerbs,
    SegmentVerbs,
    CareVerbs,
    Protocol,
):
    """A store of runs, near or far."""

    @property
    def url(self) -> str:
        """Where this is: ``file:///…`` or ``http://…``."""
        ...

    @property
    def default_entity(self) -> str:
        """The entity of paths that name none."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
