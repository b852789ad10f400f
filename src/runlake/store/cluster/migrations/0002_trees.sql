-- Small files in folders, and the contents of artifacts. A folder keeps its number wherever it is moved.

create table tree_folders (
    folder_no bigint generated always as identity primary key,
    path text collate "C" not null unique
);

create table tree_files (
    folder_no bigint not null references tree_folders on delete cascade,
    name text collate "C" not null,
    body bytea not null,
    written_at timestamptz not null default now(),
    version xid8 not null default pg_current_xact_id(),
    primary key (folder_no, name)
);

-- Those that nobody names any more are found by when somebody put or asked for them last.
create table contents (
    sha256 text collate "C" primary key,
    md5 text collate "C" not null,
    size_bytes bigint not null,
    key text collate "C" not null,
    touched_at timestamptz not null default now()
);

-- What a run was called when it was deleted: nobody reads those.
alter table runs add column deleted_name text;
