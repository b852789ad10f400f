"""Versions of artifacts as a program leaves them in the store of a `Desk`."""

import base64
import hashlib
import io

from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry, digest_of

DATA = CollectionPath("ann", "digits", "data")
CHOSEN = CollectionPath("ann", "digits", "chosen")


def keep(service, content, *, path=DATA, type="dataset", **fields):
    """The next version, of one file with this content."""
    entries = [ManifestEntry(path="a.txt", digest=base64.b64encode(hashlib.md5(content).digest()).decode())]
    begun = service.begin_artifact(path, ArtifactStart(type=type, digest=digest_of(entries), **fields))
    if begun.state == "COMMITTED":
        return begun
    draft = path.at(begun.artifact_id)
    service.put_content(draft, io.BytesIO(content))
    return service.commit_artifact(draft, entries)
