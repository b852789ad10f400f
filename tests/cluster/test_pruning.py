"""Rows that nobody asks for any more go, whichever replica comes to it."""

from runlake.model import RunPath
from runlake.service.cluster.collector import Collector
from runlake.store.catalog.project_records import ProjectRecords
from runlake.store.changes import SeenChanges, new_name
from runlake.store.cluster.pruning import Pruned, prune
from waiting import wait_until

RUN = RunPath("ann", "größe", "a")
AGES_S = {"changes": ("noted_at", 25 * 3600), "grants": ("at", 3700), "listing_states": ("at", 700)}


def fill(store, token):
    """A row of each kind that goes, and a death, which stays."""
    changes = store.changes("ann", "größe")
    for action in ("init", "delete"):
        changes.append(new_name(RUN, token, action, "i1"))
    with store.grants.hold(RUN, token) as grant:
        grant.keep(b"given")
    store.listing_states.log("ann", "größe").append(ProjectRecords(), {})


def grow_old(store):
    for table, (at, age_s) in AGES_S.items():
        store.database.write(f"update {table} set {at} = now() - make_interval(secs => {age_s})")


def counts(store):
    return {table: store.database.read(f"select count(*) from {table}")[0][0] for table in AGES_S}


def test_what_is_old_goes_from_the_tables_and_what_is_young_stays(store):
    fill(store, "old")
    grow_old(store)
    fill(store, "young")
    changes = store.changes("ann", "größe")
    assert counts(store) == {"changes": 4, "grants": 2, "listing_states": 2}  # who writes removes nothing
    assert prune(store.database) == Pruned(1, 1, 1)
    assert prune(store.database) == Pruned(0, 0, 0)
    assert counts(store) == {"changes": 3, "grants": 1, "listing_states": 1}
    assert sorted(change.action for change in changes.read_since(SeenChanges()).changes) == ["delete", "delete", "init"]
    grow_old(store)
    assert prune(store.database) == Pruned(1, 1, 1)


def test_every_replica_comes_to_it_beside_its_answers(store, new_store):
    fill(store, "old")
    grow_old(store)
    collectors = [Collector(each, every_s=0.05) for each in (store, new_store())]
    wait_until(lambda: counts(store) == {"changes": 1, "grants": 0, "listing_states": 0}, "only the death is left")
    for collector in collectors:
        collector.close()
