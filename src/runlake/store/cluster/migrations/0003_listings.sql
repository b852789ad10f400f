-- Derived: listings as replicas have shown them, for a while, and what a new replica begins with.

create table listing_states (
    project_no bigint not null references projects,
    token text collate "C" not null,
    number integer not null,
    body bytea not null,
    at timestamptz not null default now(),
    primary key (project_no, token, number)
);
create index listing_states_at on listing_states (at);

create table listing_heads (
    project_no bigint primary key references projects,
    body bytea not null,
    at timestamptz not null default now()
);
