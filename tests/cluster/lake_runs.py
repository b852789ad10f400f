"""Runs that a mirror has, and what the store itself says of them."""

from runlake.model import RunPath
from runlake.query.rows.scan import read_history
from runlake.store.cluster.packing import ClusterPacking
from runlake.store.compact.pack import write_packed
from runlake.store.compact.pack_plan import PACKED_BYTES, plan
from runlake.store.compact.seal import seal_run
from stored import Writer, as_dicts

PATHS = [RunPath("ann", "p", f"r{number}") for number in range(4)]


def write(store, path, number=0, row_count=6, **options):
    writer = Writer(store, path=path, at_s=number * 100.0, rows_per_part=4, **options)
    for i in range(row_count):
        writer.log({"loss": number + i / 8, "count": i, **({"text": f"{i}"} if i % 3 else {}), "ok": i % 2 == 0})
    writer.log({"line": 0, "text": f"hello {number}"}, stream="console").end()
    seal_run(store, path)


def counting(store, stream="history", entity="ann", project="p"):
    """What the store says itself, as `LakeReader.rows`."""
    found = []
    for run_id in store.run_ids(entity, project):
        for row in as_dicts(read_history(store, RunPath(entity, project, run_id), stream=stream)):
            step = row.pop("_step")
            found += [(run_id, step, key, value) for key, value in row.items()]
    return sorted(found, key=str)


def one_file(store):
    """A file of all runs, and what lets one after the other point to it."""
    place = ClusterPacking(store, "ann", "p")
    (batch,) = plan(place.shared, place.survey(quiet_s=0.0), {}, min_run_count=2, packed_bytes=PACKED_BYTES)
    packed = write_packed(place.shared, batch, [])
    paths = {unit.identity: unit.path for unit in batch}
    return place.point(packed, [(paths[run.incarnation, run.generation], run) for run in packed.runs])
