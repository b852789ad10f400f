"""A run that goes to a server: opened there, written here, and sent by a process beside.

The training process itself speaks to no network. It asks once, at the beginning, through a process of its own, and
then writes its journal as it always does; `ship.process` sends what stands there. A server that is down, slow or
restarted is a matter between these two.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runlake import errors
from runlake.errors import ConflictError, RunlakeError, warn
from runlake.model import OpenRequest, RunPath
from runlake.sdk.notices import say
from runlake.sdk.run.run import Run
from runlake.settings import Settings
from runlake.store import side_process
from runlake.store.folder_store import FolderStore
from runlake.store.incarnation import read_claim
from runlake.store.ingest.grant_codec import pack_request, unpack_grant
from runlake.store.journal import record
from runlake.store.journal.header import PartHeader
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.row_encoder import Prepare
from runlake.store.journal.shipped import Shipped, is_being_shipped, read_shipped, write_shipped
from runlake.store.opening.writers import OpenedRun, open_granted

if TYPE_CHECKING:
    from runlake.artifact_model import ArtifactInfo

OPENING_TIMEOUT_S = 60.0
RESTART_AFTER_S = 30.0
IDLE_S = 5.0
"""Whoever waits for a server that is not there stops waiting after this long."""

_FINAL = (
    errors.AuthenticationError,
    errors.BadValueError,
    errors.ForbiddenError,
    errors.NotFoundError,
    errors.NotSupportedError,
    errors.UsageError,
)
"""What a server says of the question itself: going on without it would not make it right."""


def is_online(settings: Settings) -> bool:
    """Whether a run with these settings goes to a server by itself."""
    return settings.base_url is not None and settings.mode in ("online", "shared")


def is_for_later(settings: Settings) -> bool:
    """Whether it waits for ``runlake sync``."""
    return settings.mode == "offline"


def open_online(
    layout: FolderStore,
    path: RunPath,
    start: Mapping[str, Any],
    settings: Settings,
    *,
    default_name: str,
    rewind_to: int | None,
    fork_from: tuple[RunPath, int] | None,
    prepare: Prepare,
    limits: WriterLimits | None,
) -> OpenedRun | None:
    """Open the run at the server, and here what is to be sent to it.

    None, after a warning, where the server does not answer, or has another run of that id than the one that lies here
    and is not sent yet: the run is then opened here alone, and sent when that can be. What the server says of the
    question itself is raised.
    """
    assert settings.base_url is not None
    names_entity = "entity" in settings.given
    opening = OpenRequest(
        token=os.urandom(16).hex(),
        start=record.encode_body(start),
        resume=settings.resume,
        is_shared=settings.mode == "shared",
        default_name=default_name,
        rewind_to=rewind_to,
        fork_from=fork_from,
        incarnation=_unsent_incarnation(layout, path),
    )
    question = {
        "path": [path.entity if names_entity else None, path.project, path.run_id],
        "opening": pack_request(opening),
        "fork_entity": fork_from[0].entity if fork_from is not None and names_entity else None,
    }
    try:
        grant = unpack_grant(_ask(settings.base_url, msgspec.msgpack.encode(question)))
    except _FINAL:
        raise
    except RunlakeError as error:
        warn(
            f"the run begins without {settings.base_url} ({error}); everything is kept in {settings.store} "
            "and sent as soon as the server takes it"
        )
        return None
    _make_room(layout, grant.path, PartHeader(grant.header).incarnation)
    opened = open_granted(layout, grant, prepare=prepare, limits=limits)
    run_dir = layout.run_dir(grant.path)
    shipped = read_shipped(run_dir) or _meant_for(grant.path, settings)
    shipped.base_url, shipped.path = settings.base_url, grant.path
    shipped.reached[grant.writer] = (0, grant.offset)
    shipped.is_complete, shipped.problem = False, None
    write_shipped(run_dir, shipped)
    return opened


def keep_for_later(layout: FolderStore, path: RunPath, settings: Settings) -> None:
    """Say of a run that was opened here alone that it is to be sent: its journal stays until it has been."""
    run_dir = layout.run_dir(path)
    shipped = read_shipped(run_dir)
    if shipped is None or shipped.base_url is None:
        write_shipped(run_dir, _meant_for(path, settings))
    elif shipped.is_complete:
        shipped.is_complete = False
        write_shipped(run_dir, shipped)


def _meant_for(path: RunPath, settings: Settings) -> Shipped:
    entity = path.entity if "entity" in settings.given else None
    return Shipped(base_url=settings.base_url, entity=entity, project=path.project, run_id=path.run_id)


def _unsent_incarnation(layout: FolderStore, path: RunPath) -> str | None:
    """Which run lies here under that id and is not all on the server yet."""
    shipped = read_shipped(layout.run_dir(path))
    if shipped is not None and shipped.is_complete:
        return None
    return read_claim(layout, path)


def _make_room(layout: FolderStore, path: RunPath, incarnation: str) -> None:
    """A run of an earlier life, that is gone from the server and was sent to it, goes to the trash here too."""
    claimed = read_claim(layout, path)
    if claimed is None or claimed == incarnation:
        return
    shipped = read_shipped(layout.run_dir(path))
    if shipped is None or not shipped.is_complete:
        raise ConflictError(
            f"another run lies at {path} in {layout.root}, and it is not on a server; choose another id, or remove it: "
            f"runlake --dir {layout.root} rm {path}"
        )
    from runlake.store.opening.trash import move_folder_to_trash  # it loads numpy: not in every training process

    move_folder_to_trash(layout, path, claimed)


def _ask(base_url: str, question: bytes) -> bytes:
    code, output, complaint = side_process.ask(
        "runlake.ship.opening", [base_url], content=question, timeout_s=OPENING_TIMEOUT_S
    )
    if code == 0:
        return output
    last = complaint.splitlines()[-1] if complaint else "it said nothing"
    name, _, message = last.partition(": ")
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, RunlakeError) and kind is not errors.GapError:
        raise kind(message)
    raise errors.CommError(last)


def start_shipping(run: Run, *, restart_after_s: float, idle_s: float) -> Shipping | None:
    """The process that sends the run, if it goes anywhere; a machine that starts none does not stop the training."""
    settings = run.settings
    if not is_online(settings):
        return None
    assert settings.base_url is not None
    run.artifact_sender = ArtifactsOnTheirWay(FolderStore(settings.store), run.run_path)
    shipping = Shipping(
        Path(run.dir).parent,
        settings.base_url,
        seals=settings.seal == "detached",
        restart_after_s=restart_after_s,
        idle_s=idle_s,
    )
    try:
        shipping.start()  # a second one finds the first at work, and ends
    except OSError as error:
        if settings.strict:
            raise
        warn(
            f"run {run.path} is kept in {settings.store}, and no process could be started that sends it to "
            f"{settings.base_url} ({error}); `runlake sync` does it"
        )
    return shipping


def wait_for(run: Run, shipping: Shipping) -> None:
    """Wait, not forever, until the server has all of a run that has ended; else say how to go on."""
    settings = run.settings
    problem = shipping.wait(
        run.writer_id,
        settings.finish_timeout_s,
        is_beside=settings.mode == "shared",
        tells=not settings.silent and not settings.quiet,
    )
    from runlake.store.artifacts.sent import refusals

    for refusal in refusals(FolderStore(settings.store), run.run_path):
        warn(f"{settings.base_url} does not take {refusal}; it is kept in {settings.store}")
    if problem is not None:
        warn(
            f"not all of run {run.path} is at {settings.base_url} yet ({problem}); it is kept in "
            f"{settings.store}, and sent in the background while this machine is up; else: "
            f"runlake --dir {settings.store} sync {run.path}"
        )


class ArtifactsOnTheirWay:
    """The artifacts of a run that is sent, for who waits until one of them is at the server."""

    def __init__(self, layout: FolderStore, path: RunPath) -> None:
        self._layout, self._path = layout, path

    def wait(self, artifact_id: str, timeout: float | None) -> ArtifactInfo:
        """See `store.artifacts.sent.wait_for_sent`; `timeout` in seconds."""
        from runlake.store.artifacts.sent import wait_for_sent

        return wait_for_sent(self._layout, self._path, artifact_id, timeout)


class Shipping:
    """The process that sends a run, as the training process sees it: started, looked after, waited for."""

    def __init__(self, run_dir: Path, base_url: str, *, seals: bool, restart_after_s: float, idle_s: float) -> None:
        self._run_dir, self._base_url, self._seals = run_dir, base_url, seals
        self._restart_after_s, self._idle_s = restart_after_s, idle_s
        self._started_at = -restart_after_s

    def look_after(self) -> None:
        """Start the process, again where it was killed. OSError when no process can be started."""
        if time.monotonic() - self._started_at >= self._restart_after_s and not is_being_shipped(self._run_dir):
            self.start()

    def start(self) -> None:
        self._started_at = time.monotonic()
        side_process.start_detached("runlake.ship.process", [str(self._run_dir), *(["--seal"] if self._seals else [])])

    def wait(self, writer: str, timeout_s: float, *, is_beside: bool, tells: bool) -> str | None:
        """Wait until the writer's last word, and all else of the run, has arrived; None, or why it has not."""
        begun_at = idle_since = time.monotonic()
        told_at, before = begun_at, None
        while True:
            shipped = read_shipped(self._run_dir)
            if shipped is None:
                return "the run is gone from this folder"
            if shipped.is_complete or (is_beside and writer in shipped.ended):
                return None
            now = time.monotonic()
            if shipped.reached != before or shipped.problem is None:
                before, idle_since = shipped.reached, now
            if now - begun_at >= timeout_s or now - idle_since >= min(self._idle_s, timeout_s):
                return shipped.problem or "there is more than could be sent until now"
            if not is_being_shipped(self._run_dir):
                self.look_after()
            if tells and now - told_at >= 2.0:
                say(f"sending what is left to {self._base_url} ({self._left(shipped)})")
                told_at = now
            time.sleep(0.05)

    def _left(self, shipped: Shipped) -> str:
        from runlake.store.artifacts.sent import unsent_in

        artifact_count = len(unsent_in(self._run_dir))
        artifacts = f" and {artifact_count} artifact{'s' * (artifact_count != 1)}" if artifact_count else ""
        return f"{self._left_bytes(shipped) / 1e6:.1f} MB{artifacts}"

    def _left_bytes(self, shipped: Shipped) -> int:
        from runlake.store.journal.folder import journal_in

        left = 0
        for name, size in journal_in(self._run_dir).list_parts():
            number, offset = shipped.reached.get(name.writer, (0, 0))
            left += max(0, size - (offset if number == name.number else 0)) if name.number >= number else 0
        return left
