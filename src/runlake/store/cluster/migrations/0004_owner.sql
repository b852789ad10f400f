-- What a store is called in the bucket that it owns: see owner.py.

create table store_identity (
    is_only_one boolean primary key default true check (is_only_one),
    store_id text collate "C" not null
);
