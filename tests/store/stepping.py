"""Something that happens before a step of those that a store takes on a disk: a death, or another process."""

import shutil

import pytest

from runlake.store import disk
from runlake.store.folder_store import FolderStore


class Killed(BaseException):
    """A process that is gone: no handler of errors is to take it for one of them."""


def die():
    raise Killed


def first(ending, *kinds):
    """Whether a step is of one of these kinds, on a file whose name ends so."""
    return lambda step, place: step in kinds and place.name.endswith(ending)


class AtStep:
    """A watcher that does something once, before the first step that is meant: by its number, or by what it is.

    `count` is how many steps there were.
    """

    def __init__(self, meant=None, action=None):
        self.is_meant = meant if callable(meant) else lambda step, place: self.count == meant
        self.action, self.count, self.has_acted = action, -1, False

    def __call__(self, step, place):
        if self.has_acted:
            return
        self.count += 1
        if self.is_meant(step, place):
            self.has_acted = True
            self.action()


def step_count(work):
    """How many steps some work takes."""
    watcher = AtStep()
    with disk.watched(watcher):
        work()
    return watcher.count + 1


EACH_STEP = pytest.mark.parametrize("stride", [pytest.param(1, marks=pytest.mark.long, id="each"), 4], ids=str)
"""Whether a test looks at all steps of some work or at every fourth."""


def copies(layout, folder, work, stride=1):
    """A copy of the store for each step that the work takes, or for some, and the number of the step."""
    shutil.copytree(layout.root, folder / "counted")
    for number in range(0, step_count(lambda: work(FolderStore(folder / "counted"))), stride):
        shutil.copytree(layout.root, folder / f"copy-{number}")
        yield FolderStore(folder / f"copy-{number}"), number


def killed_at_each_step(layout, folder, work, stride=1):
    """The store as it is when the work on it is killed before its first step, its second one, and so on, in strides."""
    for copy, number in copies(layout, folder, work, stride):
        try:
            with disk.watched(AtStep(number, die)):
                work(copy)
        except Killed:
            yield copy
        else:
            raise AssertionError(f"step {number} was not taken")
