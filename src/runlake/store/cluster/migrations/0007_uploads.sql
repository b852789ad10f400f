-- Contents that clients were given addresses in the bucket for: see uploads.py. A row is there before the address is, and
-- until nothing can come any more. `key` is where the client puts the bytes. Of the kind `put` they are never published
-- there, but copied; of `bound` nothing can be put there but the bytes of `sha256`; `parts` can be completed once.

create table uploads (
    draft_id text collate "C" not null,
    md5 text collate "C" not null,
    kind text collate "C" not null check (kind in ('put', 'bound', 'parts')),
    key text collate "C" not null,
    sha256 text collate "C",
    size_bytes bigint,
    upload_id text collate "C",
    until timestamptz not null,
    state text collate "C" not null default 'awaited' check (state in ('awaited', 'kept', 'refused')),
    said text,
    primary key (draft_id, md5)
);
create index uploads_awaited on uploads (draft_id) where state = 'awaited';
create index uploads_until on uploads (until);
create unique index uploads_key on uploads (key);
