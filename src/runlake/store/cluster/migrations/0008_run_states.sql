-- Derived: runs of which nothing is unsealed, as a listing has them: see run_states.py. A row counts as long as its run has
-- the `moved_xid` that it had when it was read, and for those who know the same `fields`.

create table run_states (
    run_no bigint primary key references runs,
    moved_xid xid8 not null,
    fields text collate "C" not null,
    body bytea not null
);
-- A kilobyte that is packed already costs more to compress than to keep.
alter table run_states alter column body set storage external;
alter table listing_states alter column body set storage external;
