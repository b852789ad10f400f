"""What is done once, before a replica starts; it needs none of what the service does, nor the memory that takes."""

from __future__ import annotations

from runlake.artifact_model import UploadWay
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.check_bucket import check_bucket, upload_way_of
from runlake.store.cluster.database import Database
from runlake.store.cluster.owner import claim, take_over
from runlake.store.lake.catalog import LakeCatalog


def prepare(
    database_url: str, bucket_url: str, *, takes_over: bool = False, ducklake: str | None = None
) -> tuple[str, UploadWay]:
    """Make the tables where they are missing, and prove the bucket; what people call the store, how uploads may come.

    OtherOwnerError when the bucket is another store's, unless this one `takes_over`. With `ducklake` the schema of that
    name is to have the mirror: ConflictError when something else is in it.
    """
    bucket = Bucket(bucket_url)
    upload_way = upload_way_of(check_bucket(bucket))
    database = Database(database_url)
    try:
        database.migrate()
        (take_over if takes_over else claim)(database, bucket)
        if ducklake is not None:
            LakeCatalog(database, bucket, ducklake).create()
        return f"postgresql://{database.name} with {bucket.url}", upload_way
    finally:
        database.close()
