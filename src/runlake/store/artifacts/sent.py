"""What a server has of the artifacts that a run logged and used: a small file beside each record of the run.

The process that ships the run writes them, and whoever waits for an artifact reads them. One that is lost costs a
question to the server, which has the artifact under the same id.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from runlake import errors
from runlake.artifact_model import ArtifactInfo, Relation
from runlake.errors import CommError, RunlakeError, UnreachableError, UsageError
from runlake.model import RunPath
from runlake.ready import ready
from runlake.store.disk import list_names, read_whole, remove, replace_file
from runlake.store.journal.shipped import read_shipped
from runlake.store.layout import Layout

_POLL_S = 0.05
_LONGEST_POLL_S = 0.5
_PREFIX = "sent-"
_RECORDS = ("logged-", "used-")


class SentArtifact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one record: `there` is the version at the server, or `error` and `message` why it was refused.

    `here` is the version in this store as it was then: what is changed of it later is sent too. `links` are the
    portfolios that it was linked to, with the aliases there. `refused` says of links and changes that were refused why.
    """

    there: ArtifactInfo | None = None
    here: ArtifactInfo | None = None
    error: str | None = None
    message: str = ""
    links: dict[str, tuple[str, ...]] = {}
    refused: dict[str, str] = {}

    @property
    def refusal(self) -> RunlakeError | None:
        """What the server said, where it refused the artifact."""
        if self.error is None:
            return None
        kind = getattr(errors, self.error, None)
        is_plain = isinstance(kind, type) and issubclass(kind, RunlakeError) and kind is not errors.GapError
        return kind(self.message) if is_plain and kind is not None else CommError(self.message)


def read_sent(layout: Layout, run: RunPath, relation: Relation, artifact_id: str) -> SentArtifact | None:
    """What became of a record; None while nothing did."""
    try:
        return msgspec.json.decode(read_whole(_file(layout, run, relation, artifact_id)), type=ready(SentArtifact))
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write_sent(layout: Layout, run: RunPath, relation: Relation, artifact_id: str, sent: SentArtifact) -> None:
    """Keep it. FileNotFoundError when the run is gone."""
    replace_file(_file(layout, run, relation, artifact_id), msgspec.json.encode(sent))


def unsent_records(layout: Layout, run: RunPath) -> set[tuple[Relation, str]]:
    """The records of which nothing is known yet: what the run did, and the id of the artifact."""
    return unsent_in(layout.run_dir(run))


def unsent_in(run_dir: Path) -> set[tuple[Relation, str]]:
    """The same of the run in a folder."""
    names = set(list_names(run_dir / "artifacts"))
    return {_parsed(name) for name in names if name.startswith(_RECORDS) and f"{_PREFIX}{name}" not in names}


def refused_artifacts(layout: Layout, run: RunPath) -> Iterator[tuple[Relation, str, SentArtifact]]:
    """The records that the server refused, or of which it refused links or changes."""
    for name in sorted(list_names(_folder(layout, run))):
        record = name.removeprefix(_PREFIX)
        if record != name and record.startswith(_RECORDS):
            relation, artifact_id = _parsed(record)
            sent = read_sent(layout, run, relation, artifact_id)
            if sent is not None and (sent.error is not None or sent.refused):
                yield relation, artifact_id, sent


def refusals(layout: Layout, run: RunPath) -> Iterator[str]:
    """What the server refused, in words."""
    for relation, artifact_id, sent in refused_artifacts(layout, run):
        name = artifact_id if sent.here is None else f"{sent.here.name}:{sent.here.version}"
        if sent.error is not None:
            yield f"artifact {name}, which it {relation}: {sent.message}"
        for what, message in sent.refused.items():
            yield f"{what} of artifact {name}: {message}"


def forget_refused(layout: Layout, run: RunPath) -> None:
    """Let what was refused be tried once more."""
    for relation, artifact_id, _ in list(refused_artifacts(layout, run)):
        remove(_file(layout, run, relation, artifact_id))


def wait_for_sent(layout: Layout, run: RunPath, artifact_id: str, timeout_s: float | None) -> ArtifactInfo:
    """The version at the server that an artifact of an online run is, as soon as it is there; None: wait for ever.

    Raises what the server said where it refused it, `UnreachableError` when the time is over, and `UsageError` for a
    run that is sent nowhere.
    """
    run_dir = layout.run_dir(run)
    if read_shipped(run_dir) is None:
        raise UsageError(f"run {run} in {layout.root} is not sent to a server, so its artifacts are where they are")
    end = None if timeout_s is None else time.monotonic() + timeout_s
    pause_s = _POLL_S
    while True:
        sent = read_sent(layout, run, "logged", artifact_id) or read_sent(layout, run, "used", artifact_id)
        if sent is not None and sent.there is not None:
            return sent.there
        if sent is not None and (refusal := sent.refusal) is not None:
            raise refusal
        left_s = pause_s if end is None else end - time.monotonic()
        if left_s <= 0:
            raise _not_there_yet(layout, run, artifact_id, timeout_s or 0.0)
        time.sleep(min(pause_s, left_s))
        pause_s = min(_LONGEST_POLL_S, pause_s * 1.2)


def _not_there_yet(layout: Layout, run: RunPath, artifact_id: str, timeout_s: float) -> UnreachableError:
    shipped = read_shipped(layout.run_dir(run))
    place = "its server" if shipped is None or shipped.base_url is None else shipped.base_url
    why = f" ({shipped.problem})" if shipped is not None and shipped.problem else ""
    return UnreachableError(
        f"artifact {artifact_id} of run {run} is not at {place} after {timeout_s:g} s{why}; it is kept in "
        f"{layout.root}, and sent in the background while this machine is up; else: "
        f"runlake --dir {layout.root} sync {run}"
    )


def _parsed(record: str) -> tuple[Relation, str]:
    relation, _, rest = record.partition("-")
    return ("used" if relation == "used" else "logged"), rest.removesuffix(".json")


def _file(layout: Layout, run: RunPath, relation: Relation, artifact_id: str) -> Path:
    return _folder(layout, run) / f"{_PREFIX}{relation}-{artifact_id}.json"


def _folder(layout: Layout, run: RunPath) -> Path:
    return layout.run_dir(run) / "artifacts"
