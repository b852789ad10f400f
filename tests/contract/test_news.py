"""What moves in a project, over every implementation: each that asks is told what moved since they last did."""

import shutil

import pytest

from runlake.errors import NotFoundError, PathError
from runlake.model import RunEdit, RunPath
from trainer import RUN
from waiting import wait_until

PLACE = ("ann", "mnist")
OTHER = RunPath(*PLACE, "b")


class Listener:
    """Somebody who asks again and again, and has all that was told in `changed`."""

    def __init__(self, service):
        self.service = service
        self.version = service.read_news(*PLACE).version
        self.changed = set()

    def listen(self):
        news = self.service.read_news(*PLACE, self.version)
        self.version = news.version
        self.changed |= set(news.changed)

    def hears_of(self, *run_ids):
        """Until it was told of these runs, and of no others."""

        def heard():
            self.listen()
            return self.changed >= set(run_ids)

        wait_until(heard, f"news of {run_ids}")
        assert self.changed == set(run_ids)
        self.changed = set()


def test_rows_edits_new_runs_and_deletions_are_news_and_nothing_else_is(service, train):
    first, second = train("a").log(loss=1.0), train("b").log(loss=1.0)
    listener = Listener(service)
    quiet = listener.version
    first.log(loss=0.5)
    listener.hears_of("a")
    second.log(loss=0.5).finish()
    first.log(loss=0.25)
    listener.hears_of("a", "b")
    service.edit_run(OTHER, RunEdit(info={"notes": "n"}))
    listener.hears_of("b")
    train("C É")
    listener.hears_of("C É")
    service.delete_run(OTHER)
    listener.hears_of("b")
    still = listener.version
    for _ in range(3):
        listener.listen()
    assert (listener.version, listener.changed) == (still, set())
    assert service.read_news(*PLACE, quiet).changed == ("C É", "a", "b")


def test_a_run_that_is_copied_in_or_taken_away_is_news(service, root, train):
    train("a").log(loss=1.0).finish()
    listener = Listener(service)
    runs = root / "ann" / "mnist" / "runs"
    (folder,) = runs.iterdir()
    shutil.copytree(folder, runs / "copy")
    listener.hears_of("copy")
    shutil.rmtree(runs / "copy")
    listener.hears_of("copy")


def test_of_a_version_that_is_not_known_any_run_may_have_moved(service, train):
    train("a").finish()
    version = service.read_news(*PLACE).version
    for since in (None, "", "-", "x-1", version[:-1] + "9", version + "1", "٣", version.replace("-", "-−")):
        assert service.read_news(*PLACE, since).changed is None
    assert service.read_news(*PLACE, version).changed == ()


def test_there_is_no_news_of_what_is_not_there(service, train):
    train("a").finish()
    with pytest.raises(NotFoundError, match="did you mean ann/mnist"):
        service.read_news("ann", "mnits")
    with pytest.raises(PathError):
        service.read_news("ann", "..")
    assert service.read_run(RUN).run_id == "a"
