"""Every acknowledged row is there once, whatever is killed, restarted, lost or asked twice; nothing else is left."""

import pytest
from chaos import survive


def test_every_acknowledged_row_is_there_once(tmp_path, new_postgres, s3_server):
    harm = {"counts": {"kill": 2, "restart": 1}, "every_s": {"kill": 1.0, "restart": 1.5}}
    survive(tmp_path, new_postgres(), s3_server, writer_count=3, batch_count=10, replica_count=2, **harm)


LONG = {"kill": 1.0, "stopped": 5.3, "cut_off": 7.1, "restart": 12.0}


@pytest.mark.long
def test_the_same_with_many_writers_for_a_minute(tmp_path, new_postgres, s3_server):
    harm = {"counts": {"kill": 40, "stopped": 8, "cut_off": 6, "restart": 4}, "every_s": LONG}
    survive(tmp_path, new_postgres(), s3_server, writer_count=24, batch_count=60, replica_count=3, **harm)


LOST = "were acknowledged|is gone"


def with_standby(new_postgres, *, waits):
    """A database, which `waits` for its standby before it answers, and the standby."""
    primary = new_postgres()
    standby = new_postgres(primary)
    names = "alter system set synchronous_standby_names = '{}'".format("*" if waits else "")
    primary.execute(names, "select pg_reload_conf()")
    return primary, standby


@pytest.mark.long
def test_a_standby_takes_the_place_of_the_database_and_has_what_was_acknowledged(tmp_path, new_postgres, s3_server):
    primary, standby = with_standby(new_postgres, waits=True)
    harm = {"counts": {"kill": 10, "fail_over": 1}, "every_s": {**LONG, "fail_over": 6.0}}
    many = {"writer_count": 8, "batch_count": 40, "replica_count": 3}
    survive(tmp_path, primary, s3_server, standby=standby, **many, **harm)


@pytest.mark.long
def test_a_standby_that_is_not_waited_for_loses_rows_and_that_is_found_out(tmp_path, new_postgres, s3_server):
    primary, standby = with_standby(new_postgres, waits=False)
    harm = {"counts": {"fail_over": 1}, "every_s": {"fail_over": 3.0}}
    with pytest.raises(AssertionError, match=LOST):
        survive(tmp_path, primary, s3_server, standby=standby, writer_count=8, batch_count=20, replica_count=2, **harm)


@pytest.mark.long
@pytest.mark.parametrize(
    ("mutant", "told"),
    [("drop before publish", LOST), ("commit later", LOST), ("no lock", f"{LOST}|has the steps")],
)
def test_a_wrong_design_is_found_out(tmp_path, new_postgres, s3_server, mutant, told):
    harm = {"counts": {"kill": 12, "restart": 8}, "every_s": {"kill": 1.0, "restart": 1.5}}
    many = {"writer_count": 8, "batch_count": 40, "replica_count": 3}
    with pytest.raises(AssertionError, match=told):
        survive(tmp_path, new_postgres(), s3_server, mutant=mutant, **many, **harm)


@pytest.mark.long
def test_a_bucket_that_is_believed_loses_rows_and_that_is_found_out(tmp_path, new_postgres, s3_server):
    harm = {"harms": ("claim",), "share": 1.0, "counts": {"kill": 3}, "every_s": {"kill": 1.0}}
    many = {"writer_count": 4, "batch_count": 20, "replica_count": 2}
    with pytest.raises(AssertionError, match=LOST):
        survive(tmp_path, new_postgres(), s3_server, mutant="believed bucket", **many, **harm)
