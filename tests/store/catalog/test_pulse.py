"""What moves in a project, seen without reading: where names say nothing, where notes are garbled, and how often."""

import pytest

from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.catalog.pulse import MAX_CHANGED, ProjectPulse
from runlake.store.changes import changes_of
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change
from stored import Clock
from trainer import Trainer

LONG = "É" * 100


class NothingOpen:
    def open_folders(self, entity, project):
        return set()


@pytest.fixture
def layout(tmp_path):
    Trainer(tmp_path / "store", "a").finish()
    return FolderStore(tmp_path / "store")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pulse(layout, clock):
    return ProjectPulse(layout, NothingOpen(), "ann", "mnist", clock=clock)


def moved(pulse, clock, since):
    clock.after(1.0)
    return pulse.news(since).changed


def test_a_run_whose_folder_does_not_say_its_name_is_told_of_by_name_also_when_it_is_gone(layout, pulse, clock):
    before = pulse.news(None).version
    Trainer(layout.root, LONG).finish()
    assert moved(pulse, clock, before) == (LONG,)
    now = pulse.news(before).version
    LocalService(layout.root, default_entity="ann").delete_run(RunPath("ann", "mnist", LONG))
    assert moved(pulse, clock, now) == (LONG,)


def test_what_is_gone_before_anybody_asked_its_name_makes_any_run_one_that_may_have_moved(layout, clock):
    Trainer(layout.root, LONG).finish()
    pulse = ProjectPulse(layout, NothingOpen(), "ann", "mnist", clock=clock)
    before = pulse.news(None).version
    LocalService(layout.root, default_entity="ann").delete_run(RunPath("ann", "mnist", LONG))
    assert moved(pulse, clock, before) is None


def test_after_a_pack_that_is_garbled_any_run_may_have_moved_and_later_it_is_told_again(layout, pulse, clock):
    before = pulse.news(None).version
    changes = changes_of(layout, "ann", "mnist")
    changes.pack()
    (pack,) = (changes.folder / "packed").iterdir()
    pack.write_bytes(b"other")
    assert moved(pulse, clock, before) is None
    now = pulse.news(None).version
    pack.unlink()
    Trainer(layout.root, "b").finish()
    assert moved(pulse, clock, now) == ("b",)


def test_who_asks_soon_again_is_answered_from_the_last_look(layout, pulse, clock):
    before = pulse.news(None).version
    Trainer(layout.root, "b").finish()
    assert pulse.news(before).changed == ()
    assert moved(pulse, clock, before) == ("b",)


def test_of_too_many_runs_it_is_not_said_which(layout, pulse, clock):
    before = pulse.news(None).version
    for number in range(MAX_CHANGED):
        append_change(layout, RunPath("ann", "mnist", f"r{number}"), "w", "edit", "i")
    assert len(moved(pulse, clock, before)) == MAX_CHANGED
    append_change(layout, RunPath("ann", "mnist", "one-more"), "w", "edit", "i")
    assert moved(pulse, clock, before) is None
