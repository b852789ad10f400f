"""Versions of a store in hand, with the cache and the ways of the settings in force."""

from __future__ import annotations

import os
from functools import partial

from runlake.artifact_model import ArtifactInfo
from runlake.artifacts.cache import ContentCache, default_cache
from runlake.artifacts.kept import FindRun, KeptVersion, Sender
from runlake.service.contract import Service
from runlake.settings import Settings
from runlake.store.location import user_cache_dir


def kept_version(
    service: Service, info: ArtifactInfo, settings: Settings, *, find_run: FindRun, sender: Sender | None = None
) -> KeptVersion:
    """A version of a store, as these settings want it fetched; `find_run` knows the runs of the store."""
    return KeptVersion(
        service,
        info,
        find_run=find_run,
        sender=sender,
        cache=partial(open_cache, settings),
        folder=settings.artifact_dir,
        shows_progress=shows_progress(settings),
    )


def open_cache(settings: Settings) -> ContentCache | None:
    """The cache of what comes over HTTP; None where nothing is to be kept."""
    return default_cache(user_cache_dir(os.environ), settings.artifact_cache_bytes)


def shows_progress(settings: Settings) -> bool:
    """Whether a terminal is told how far long work is."""
    return not (settings.silent or settings.quiet)
