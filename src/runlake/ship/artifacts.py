"""Sends to a server the artifacts that a run logged and used, in the order in which it did.

What the server has is remembered beside the records (`store.artifacts.sent`); who is killed asks the server, which has
what arrived under the same ids and digests. What the server refuses for good is noted, and the rest goes on.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import structs

from runlake.artifact_model import ArtifactEdit, ArtifactInfo, CollectionPath, Relation
from runlake.errors import (
    BadValueError,
    ConflictError,
    CorruptError,
    ForbiddenError,
    NotFoundError,
    NotSupportedError,
    RunlakeError,
    TooLargeError,
)
from runlake.model import RunPath
from runlake.service.artifact_copy import CopyRules, copy_artifact, find_by_id, find_copy
from runlake.service.open import open_service
from runlake.store.artifacts.lineage import RunLink, links_of_run
from runlake.store.artifacts.linked import linked_to
from runlake.store.artifacts.sent import SentArtifact, read_sent, unsent_records, write_sent
from runlake.store.journal.shipped import Shipped, read_shipped
from runlake.store.layout import Layout

if TYPE_CHECKING:
    from runlake.service.contract import Service

EDITS_EVERY_S = 15.0
"""While a run goes on, it is looked this often whether what was sent of an artifact has changed, or was linked."""

_REFUSALS = (
    BadValueError,
    ConflictError,
    CorruptError,
    ForbiddenError,
    NotFoundError,
    NotSupportedError,
    TooLargeError,
)
"""What is said of one artifact, and will be said again."""

_ATTEMPTS = 3
_PAUSE_S = 0.3


class ArtifactSender:
    """Sends what one run has to do with artifacts; one thread at a time.

    `sent_bytes` and `sent_count` say what it has put so far, `report` is told of more bytes by any thread.
    """

    def __init__(
        self,
        service: Service,
        layout: Layout,
        path: RunPath,
        *,
        report: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._there, self._layout, self._path = service, layout, path
        self._report, self._clock, self._sleep = report, clock, sleep
        self._looked_at: float | None = None
        self._lock = threading.Lock()
        self.sent_bytes = self.sent_count = 0

    @functools.cached_property
    def _here(self) -> Service:
        return open_service(self._layout.root)

    def has_work(self, *, at_once: bool) -> bool:
        """Whether something is to be sent, or to be looked at."""
        if unsent_records(self._layout, self._path):
            return True
        is_due = at_once or self._looked_at is None or self._clock() - self._looked_at >= EDITS_EVERY_S
        return is_due and next(iter(self._links()), None) is not None

    def send(self, shipped: Shipped) -> None:
        """Send all that is here, of a run that is at the server. Raises what stands in the way of all of it."""
        unsent = unsent_records(self._layout, self._path)
        for relation, link in self._links():
            artifact_id = link.artifact.version
            if (relation, artifact_id) in unsent:
                self._attempt(relation, link, functools.partial(self._send, relation, link, shipped))
            elif relation == "logged":
                sent = read_sent(self._layout, self._path, relation, artifact_id)
                if sent is not None and sent.there is not None and sent.here is not None:
                    changed = self._send_changes(sent, sent.there, sent.here, shipped)
                    if changed != sent:
                        write_sent(self._layout, self._path, relation, artifact_id, changed)
        self._looked_at = self._clock()

    def _links(self) -> list[tuple[Relation, RunLink]]:
        relations: tuple[Relation, ...] = ("logged", "used")
        found = [(each, link) for each in relations for link in links_of_run(self._layout, self._path, each)]
        return sorted(found, key=lambda one: one[1].at)

    def _attempt(self, relation: Relation, link: RunLink, send: Callable[[], SentArtifact]) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                sent = send()
                break
            except _REFUSALS as error:
                if attempt == _ATTEMPTS:
                    sent = SentArtifact(here=self._read_here(link), error=type(error).__name__, message=str(error))
                else:
                    self._sleep(_PAUSE_S * attempt)
        write_sent(self._layout, self._path, relation, link.artifact.version, sent)

    def _send(self, relation: Relation, link: RunLink, shipped: Shipped) -> SentArtifact:
        assert shipped.path is not None
        here = self._read_here(link)
        if relation == "logged":
            if here is None:
                raise NotFoundError(f"artifact {link.artifact} was deleted before it was sent")
            copied = self._copy(here, shipped)
            self.sent_count += 1
            return self._with_links(SentArtifact(there=copied, here=here), copied, shipped)
        if here is None:
            there = self._there.find_artifact(link.artifact.version)
        else:
            found = find_copy(self._there, here, self._collection_there(here.collection, shipped))
            there = self._copy(here, shipped) if found is None else found
        self._there.use_artifact(there.collection.at(there.artifact_id), shipped.path, link.use_as)
        return SentArtifact(there=there, here=here)

    def _copy(self, here: ArtifactInfo, shipped: Shipped) -> ArtifactInfo:
        rules = CopyRules(
            moves_aliases=True,
            keeps_user=False,
            run_at=functools.partial(self._run_there, shipped=shipped),
            told=self._count,
        )
        to = self._collection_there(here.collection, shipped)
        there = copy_artifact(self._here, here, self._there, to, rules).target
        if there.state == "DELETED":
            raise NotFoundError(f"artifact {there.path} was deleted at the server")
        return there

    def _send_changes(
        self, sent: SentArtifact, there: ArtifactInfo, here: ArtifactInfo, shipped: Shipped
    ) -> SentArtifact:
        """What was changed here since an artifact was sent, and its links."""
        now = find_by_id(self._here, here.artifact_id)
        if now is None:
            return sent  # deleted here; whether it is to be deleted there, nobody said
        edit = edit_between(here, now)
        if edit != ArtifactEdit():
            try:
                there = self._there.edit_artifact(there.collection.at(there.artifact_id), edit)
            except _REFUSALS as error:
                return structs.replace(sent, here=now, refused={**sent.refused, "what was changed": str(error)})
        return self._with_links(structs.replace(sent, there=there, here=now), there, shipped)

    def _with_links(self, sent: SentArtifact, there: ArtifactInfo, shipped: Shipped) -> SentArtifact:
        """With the links of a version in portfolios sent as well."""
        assert sent.here is not None
        links, refused = dict(sent.links), dict(sent.refused)
        home = sent.here.collection.at(sent.here.artifact_id)
        for portfolio in linked_to(self._layout, home):
            name = str(portfolio)
            try:
                link = self._here.read_artifact(portfolio.at(home.version))
            except NotFoundError:
                continue  # it was taken out of it again
            what = f"the link in {portfolio}"
            if what in refused or (set(link.aliases) <= set(links.get(name, ())) and name in links):
                continue
            try:
                target = self._collection_there(portfolio, shipped)
                self._there.link_artifact(there.collection.at(there.artifact_id), target, link.aliases)
                links[name] = link.aliases
            except _REFUSALS as error:
                refused[what] = str(error)
        return structs.replace(sent, links=links, refused=refused)

    def _count(self, put_bytes: int) -> None:
        with self._lock:
            self.sent_bytes += put_bytes
        self._report()

    def _read_here(self, link: RunLink) -> ArtifactInfo | None:
        try:
            return self._here.read_artifact(link.artifact)
        except NotFoundError:  # it was deleted, or its collection has another name by now
            return find_by_id(self._here, link.artifact.version)

    def _collection_there(self, here: CollectionPath, shipped: Shipped) -> CollectionPath:
        """Names of the run itself are those that it has at the server; others are what they are."""
        assert shipped.path is not None
        if here.entity != self._path.entity:
            return here
        project = shipped.path.project if here.project == self._path.project else here.project
        return CollectionPath(shipped.path.entity, project, here.name)

    def _run_there(self, run: RunPath, *, shipped: Shipped) -> RunPath:
        assert shipped.path is not None
        if run == self._path:
            return shipped.path
        other = read_shipped(self._layout.run_dir(run))
        if other is not None and other.base_url == shipped.base_url and other.path is not None:
            return other.path
        entity, project, _ = self._collection_there(CollectionPath(run.entity, run.project, ""), shipped)
        return RunPath(entity, project, run.run_id)


def edit_between(before: ArtifactInfo, after: ArtifactInfo) -> ArtifactEdit:
    """What was done to a version between two looks at it; pure."""
    if after.updated_at == before.updated_at:
        return ArtifactEdit()
    return ArtifactEdit(
        description=after.description if after.description != before.description else None,
        metadata=after.metadata if after.metadata != before.metadata else None,
        ttl_s=(after.ttl_s or 0.0) if after.ttl_s != before.ttl_s else None,
        add_aliases=tuple(alias for alias in after.aliases if alias not in before.aliases),
        remove_aliases=tuple(alias for alias in before.aliases if alias not in after.aliases),
        add_tags=tuple(tag for tag in after.tags if tag not in before.tags),
        remove_tags=tuple(tag for tag in before.tags if tag not in after.tags),
    )


class Beside:
    """Work that a thread does beside, one piece at a time: what it raises is raised by whoever asks next."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the work goes on."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, work: Callable[[], None]) -> None:
        """Begin, where nothing goes on."""

        def run() -> None:
            try:
                work()
            except (RunlakeError, OSError) as error:
                self._error = error

        self._thread = threading.Thread(target=run, name="runlake-artifacts", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until it is done; raises what it raised."""
        if self._thread is not None:
            self._thread.join()
        self.raise_error()

    def raise_error(self) -> None:
        """Raise what it raised, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error
