"""Whether a bucket may hold a store."""

from __future__ import annotations

from collections.abc import Iterator

from runlake.errors import NotSupportedError


def bucket_checks(url: str) -> Iterator[tuple[str, str, bool]]:
    """Each promise of the bucket's server, when it is proved, what is wrong with it if so, and whether a store stands
    on it; without the others it is only that uploads come through the server.

    Whose credentials ask, and where, is in the variables that AWS's own tools read. What keeps the bucket from being
    asked at all is an error: no such bucket, credentials that are not taken, no answer. NotSupportedError where the
    packages for it are not installed.
    """
    try:
        from runlake.store.cluster.bucket import Bucket
        from runlake.store.cluster.check_bucket import run_checks
    except ModuleNotFoundError as error:
        raise NotSupportedError(
            f"stores in a bucket need the package {error.name!r}; install it with: pip install 'runlake[cluster]'"
        ) from error
    yield from run_checks(Bucket(url))
