"""Artifacts as any program logs them, for tests of what lies in the store."""

import base64
import hashlib
import io

from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry, digest_of

MODEL = CollectionPath("ann", "vision", "model")


def md5_of(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


def entries_of(files):
    return [ManifestEntry(path=path, digest=md5_of(content)) for path, content in files.items()]


def start_of(files, **fields):
    return ArtifactStart(type=fields.pop("type", "model"), digest=digest_of(entries_of(files)), **fields)


def keep(service, files, *, path=MODEL, **fields):
    """Log an artifact: begin it, put what is missing, commit it."""
    begun = service.begin_artifact(path, start_of(files, **fields))
    if begun.state == "COMMITTED":
        return begun
    draft = path.at(begun.artifact_id)
    put(service, draft, files)
    return service.commit_artifact(draft, entries_of(files))


def put(service, draft, files):
    """What of these contents is missing."""
    known = {content.digest for content in service.find_content(draft, [md5_of(each) for each in files.values()])}
    for content in files.values():
        if md5_of(content) not in known:
            service.put_content(draft, io.BytesIO(content))
