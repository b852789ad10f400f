-- The tables of a store, in a schema of their own that `search_path` names.
-- Text that decides what is equal and what comes first is compared by its bytes (collate "C"), whatever the database's
-- locale. Names that may be long are found by a hash: an index takes 2,700 bytes. `xid8` columns say which transaction
-- changed a row last: see changes.py for why that finds what moved.

create table schema_version (
    number integer primary key,
    applied_at timestamptz not null
);

-- Changes by transactions up to `pruned_xid` may have been removed.
-- Keys are names as `layout.encode_name` makes them: at most 200 bytes of ASCII, and what changes are noted by.
create table projects (
    project_no bigint generated always as identity primary key,
    entity text collate "C" not null,
    name text collate "C" not null,
    entity_key text collate "C" not null,
    project_key text collate "C" not null,
    created_at timestamptz not null default now(),
    pruned_xid xid8 not null default '0',
    segments_moved_at timestamptz,
    unique (entity_key, project_key)
);

-- `incarnation` is null until somebody claims the run; `parts_moved_at` and `segments_moved_at` are when a part or a file
-- of a segment came or went last.
create table runs (
    run_no bigint generated always as identity primary key,
    project_no bigint not null references projects,
    run_id text collate "C" not null,
    run_key text collate "C" not null,
    incarnation text collate "C",
    made_at timestamptz not null default now(),
    parts_moved_at timestamptz,
    segments_moved_at timestamptz,
    deleted_at timestamptz,
    purged_at timestamptz,
    moved_xid xid8 not null default pg_current_xact_id()
) with (fillfactor = 85);
create unique index runs_live on runs (project_no, run_key) where deleted_at is null;
create index runs_made on runs (project_no, made_at);
create index runs_moved on runs (project_no, moved_xid);
create index runs_deleted on runs (deleted_at) where deleted_at is not null and purged_at is null;

-- `sealed_in` is the segment that has the part's records. No index holds what an append changes, so that an append
-- changes no index.
create table parts (
    run_no bigint not null references runs,
    writer text collate "C" not null,
    number integer not null,
    end_offset bigint not null default 0,
    made_at timestamptz not null default now(),
    heard_at timestamptz not null default now(),
    sealed_in text collate "C",
    moved_xid xid8 not null default pg_current_xact_id(),
    primary key (run_no, writer, number)
) with (fillfactor = 70);
create index parts_unsealed on parts (run_no) where sealed_in is null;

-- The bytes of parts. Frames are packed already, and rows of a few kilobytes stay where they are.
create table chunks (
    run_no bigint not null,
    writer text collate "C" not null,
    number integer not null,
    start_offset bigint not null,
    data bytea not null,
    primary key (run_no, writer, number, start_offset)
) with (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);
alter table chunks alter column data set storage external;

-- Writers that the server feeds (store.ingest.lease), and openings that were answered (ingest.grant_files).
create table served (
    run_no bigint not null references runs,
    writer text collate "C" not null,
    body bytea not null,
    seen bytea,
    heard_at timestamptz not null default now(),
    primary key (run_no, writer)
) with (fillfactor = 70);
create table grants (
    key text collate "C" primary key,
    body bytea not null,
    at timestamptz not null default now()
);
create index grants_at on grants (at);

-- Small files of segments, whole: a meta file under the name of its segment, the others under their own. The files that
-- meta files name are objects; `shared_` are those of a project, which the meta files of many runs name.
create table segments (
    run_no bigint not null references runs,
    name text collate "C" not null,
    meta bytea not null,
    published_at timestamptz not null default now(),
    primary key (run_no, name)
);
create table segment_files (
    run_no bigint not null references runs,
    file text collate "C" not null,
    key text collate "C" not null,
    size_bytes bigint not null,
    written_at timestamptz not null default now(),
    primary key (run_no, file)
);

create table shared_segments (
    project_no bigint not null references projects,
    name text collate "C" not null,
    meta bytea not null,
    published_at timestamptz not null default now(),
    primary key (project_no, name)
);
create table shared_segment_files (
    project_no bigint not null references projects,
    file text collate "C" not null,
    key text collate "C" not null,
    size_bytes bigint not null,
    written_at timestamptz not null default now(),
    primary key (project_no, file)
);
create index segment_files_key on segment_files (key);
create index shared_segment_files_key on shared_segment_files (key);

-- Everything that was put into the bucket, before it is put there and until it is gone from there. `sums` are the CRC-32
-- of each block of it, one behind the other.
create table objects (
    key text collate "C" primary key,
    run_no bigint references runs,
    size_bytes bigint not null,
    sha256 bytea not null,
    sums bytea not null,
    state text collate "C" not null check (state in ('staged', 'published', 'dead')),
    since timestamptz not null default now()
);
create index objects_waiting on objects (state, since) where state <> 'published';
create index objects_of_run on objects (run_no);

-- The files of runs. A text becomes bytes only through its own input form, in which a backslash is doubled.
create table files (
    run_no bigint not null references runs,
    name text collate "C" not null,
    name_hash bytea not null generated always as (sha256(replace(name, '\', '\\')::bytea)) stored,
    key text collate "C" not null,
    size_bytes bigint not null,
    md5 text collate "C" not null,
    mimetype text not null,
    kept_at timestamptz not null default now(),
    primary key (run_no, name_hash)
);
create index files_beginnings on files (run_no, left(name, 200));

create table changes (
    project_no bigint not null references projects,
    name text collate "C" not null,
    xid xid8 not null default pg_current_xact_id(),
    noted_at timestamptz not null default now(),
    primary key (project_no, name)
);
create index changes_since on changes (project_no, xid);
create index changes_deaths on changes (project_no) where name like '%delete#%';

-- A row stays when its lease ends, so that a token never comes again.
create table leases (
    name text collate "C" primary key,
    holder text collate "C" not null,
    token bigint not null default 1,
    until timestamptz not null
) with (fillfactor = 50);

-- Another one when the database was started anew, or restored as a whole or table by table: then what a transaction's
-- number said is forgotten.
create function history_id() returns text stable language sql as $$
    select extract(epoch from pg_postmaster_start_time()) || '-' || oid || '-' || pg_relation_filenode('runs')
    from pg_database where datname = current_database()
$$;
