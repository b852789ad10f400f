-- Who mirrors the files of all runs finds those whose segments moved lately: see store/lake/moved.py.

create index runs_segments_moved on runs (segments_moved_at);
