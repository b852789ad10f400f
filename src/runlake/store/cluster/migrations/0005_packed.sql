-- `packed_in` is the file that runs share which a meta file points to. `pack_seen_at` is the `segments_moved_at` at
-- which a packer found nothing more to do for a run.

alter table segments add column packed_in text collate "C";
create index segments_packed on segments (packed_in) where packed_in is not null;

alter table runs add column pack_seen_at timestamptz;
create index runs_to_pack on runs (project_no, segments_moved_at)
    where segments_moved_at is distinct from pack_seen_at and deleted_at is null;

-- Those that came from folders. A name is 24 characters behind the way to it.
update segments
set packed_in = encode(substring(meta from position('../../../merged/'::bytea in meta) + 16 for 24), 'escape')
where position('../../../merged/'::bytea in meta) > 0;
