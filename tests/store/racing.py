"""One actor stopped at a named point while another does something: races that happen every time."""

from contextlib import contextmanager

from runlake.query.rows.scan import read_history
from runlake.store import disk
from runlake.store.care.check import check_run
from runlake.store.catalog.catalog import Catalog
from runlake.store.catalog.limits import CatalogLimits
from runlake.store.journal.fingerprint import read_fingerprint
from runlake.store.run.state import read_run
from stored import RUN, as_dicts
from whole_run import everything


@contextmanager
def at_step(step, place, action):
    """Have something happen once, right before the next step of that kind at that place of the disk."""
    is_done = False

    def watcher(found_step, found_place):
        nonlocal is_done
        if not is_done and (found_step, found_place) == (step, place):
            is_done = True
            action()

    with disk.watched(watcher):
        yield
    assert is_done, f"nobody came to {step} {place}"


class Meanwhile:
    """The same where the disk has no step: before or after the next call of a function of ours, which stays."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def before(self, module, name, action):
        self._put(module, name, action, is_before=True)

    def after(self, module, name, action):
        self._put(module, name, action, is_before=False)

    def _put(self, module, name, action, *, is_before):
        real = getattr(module, name)

        def interrupted(*arguments, **options):
            self._monkeypatch.setattr(module, name, real)
            if is_before:
                action()
                return real(*arguments, **options)
            result = real(*arguments, **options)
            action()
            return result

        self._monkeypatch.setattr(module, name, interrupted)


def values(layout, key="i", path=RUN):
    return [row[key] for row in as_dicts(read_history(layout, path)) if key in row]


def all_sound(layout, path=RUN):
    """All that a reader can know of a run; `check` must find nothing."""
    assert check_run(layout, path) == []
    return everything(layout, path)


def new_catalog(layout, **limits):
    return Catalog(
        layout,
        fold=lambda path: read_run(layout, path),
        fingerprint=lambda path: read_fingerprint(layout.journal(path)),
        limits=CatalogLimits(save_interval_s=0.0, **limits),
    )


def listed(layout, catalog=None):
    """What is listed: (run, incarnation, rows) of each run, the same by a process that has seen nothing yet."""
    found = [
        sorted((run.run_id, run.incarnation, run.row_count) for run in each.refresh("ann", "p").runs)
        for each in (catalog or new_catalog(layout), new_catalog(layout))
    ]
    assert found[0] == found[1]
    return found[0]
