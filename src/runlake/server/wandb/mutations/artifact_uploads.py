"""Where the bytes of a draft are put: files, manifests, and the parts of large files.

Bytes are known by their MD5, which stands in the address that they are put to and is part of what is signed: what
arrives is compared with it. What a draft, or a version of its collection, has already is not put again.
"""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runlake.artifact_model import ArtifactPath, UploadAddress, WantedUpload
from runlake.errors import BadValueError, ConflictError
from runlake.md5 import digest_of_hex, hex_of
from runlake.server.wandb.artifact_addresses import upload_address
from runlake.server.wandb.artifact_manifest import UploadedManifest
from runlake.server.wandb.context import RequestContext
from runlake.server.wandb.ids import artifact_id_of, artifact_node_id, manifest_node_id, manifest_of
from runlake.server.wandb.nodes.connection import WholeConnection

Given = Mapping[str, Any]

MAX_FILES = 10_000
"""So many files one document may name, which is what the client's batches have at most."""

MAX_BYTES_IN_PARTS = 8 << 30
"""Files up to this size come in parts, which are put together while the client waits; larger ones come whole."""

_PARTS = "parts/"
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class UploadNode:
    """A file as somebody is told of it who is about to put its bytes; without `uploadUrl` they are there."""

    id: str
    name: str
    artifact: dict[str, str]
    storagePath: str | None = None
    uploadUrl: str | None = None
    uploadHeaders: Sequence[str] = ()
    uploadMultipartUrls: dict[str, Any] | None = None


def find_draft(context: RequestContext, node_id: str) -> ArtifactPath:
    """The draft of this `id`, for who may write it; `ConflictError` when it is a version by now."""
    info = context.service.find_artifact(artifact_id_of(node_id))
    context.require_write(info.path)
    if info.state != "PENDING":
        raise ConflictError(f"artifact {info.path} is {info.state}: nothing is added to it; log a new version")
    return info.collection.at(info.artifact_id)


def file_uploads(context: RequestContext, specs: Sequence[Given]) -> WholeConnection:
    """The upload of each file, in their order."""
    if len(specs) > MAX_FILES:
        raise BadValueError(
            f"createArtifactFiles names {len(specs):,} files, and {MAX_FILES:,} are allowed; ask in several documents"
        )
    of_draft: dict[str, list[Given]] = {}
    for spec in specs:
        of_draft.setdefault(spec["artifactID"], []).append(spec)
    drafts = {node_id: find_draft(context, node_id) for node_id in of_draft}
    known = {
        node_id: {
            content.digest for content in context.service.find_content(drafts[node_id], [spec["md5"] for spec in some])
        }
        for node_id, some in of_draft.items()
    }
    missing = {
        node_id: [spec for spec in some if spec["md5"] not in known[node_id]] for node_id, some in of_draft.items()
    }
    elsewhere = {node_id: _addresses(context, drafts[node_id], some) for node_id, some in missing.items()}
    made = [
        _upload(context, drafts[node_id], spec, known[node_id], elsewhere[node_id].get(spec["md5"]))
        for spec in specs
        for node_id in (spec["artifactID"],)
    ]
    return WholeConnection.of(made)


def _addresses(context: RequestContext, draft: ArtifactPath, specs: Sequence[Given]) -> dict[str, UploadAddress]:
    """Where what is missing is put past us, by its digest; without what comes through us."""
    wanted = [
        WantedUpload(
            digest=digest_of_hex(hex_of(spec["md5"])),
            part_digests=tuple(
                digest_of_hex(part["hexMD5"])
                for part in sorted(spec.get("uploadPartsInput") or (), key=lambda part: int(part["partNumber"]))
            ),
        )
        for spec in specs
    ]
    found = context.service.offer_uploads(draft, wanted, context.url_life_s) if wanted else []
    return {address.digest: address for address in found if address is not None}


def _upload(
    context: RequestContext, draft: ArtifactPath, spec: Given, known: set[str], elsewhere: UploadAddress | None
) -> UploadNode:
    hex_md5 = hex_of(spec["md5"])
    node_id = artifact_node_id(draft.version)
    address = upload_address(draft.version, hex_md5)
    made = UploadNode(id=address, name=spec["name"], artifact={"id": node_id}, storagePath=address)
    if spec["md5"] in known:
        return made
    if elsewhere is not None:
        urls = [{"partNumber": number, "uploadUrl": url} for number, url in enumerate(elsewhere.part_urls, 1)]
        return replace(
            made,
            uploadUrl=elsewhere.url,
            uploadHeaders=[f"{name}:{value}" for name, value in elsewhere.headers.items()],
            uploadMultipartUrls={"uploadID": hex_md5, "uploadUrlParts": urls} if urls else None,
        )
    return replace(
        made,
        uploadUrl=context.signed_url("PUT", address),
        uploadHeaders=[f"Content-MD5:{spec['md5']}"],
        uploadMultipartUrls=_part_uploads(context, draft, spec.get("uploadPartsInput") or (), hex_md5),
    )


def _part_uploads(
    context: RequestContext, draft: ArtifactPath, parts: Sequence[Given], hex_md5: str
) -> dict[str, Any] | None:
    if not parts or len(parts) > MAX_BYTES_IN_PARTS // (100 << 20):
        return None
    urls = []
    for part in parts:
        digits = hex_of(digest_of_hex(part["hexMD5"]))
        address = upload_address(draft.version, digits, _PARTS + digits)
        urls.append({"partNumber": part["partNumber"], "uploadUrl": context.signed_url("PUT", address)})
    return {"uploadID": hex_md5, "uploadUrlParts": urls}


def complete_parts(context: RequestContext, given: Given) -> str | None:
    """The digest of a file whose parts are all there, which is now one; None where it is given up."""
    draft = find_draft(context, given["artifactID"])
    hex_md5 = given["uploadID"]
    digest = digest_of_hex(hex_md5)
    if given["completeMultipartAction"] != "Complete":
        return None
    if given["storagePath"] != upload_address(draft.version, hex_md5):
        raise BadValueError(f"{given['storagePath']!r:.200} is not where the upload {hex_md5} was to go")
    with context.shared.completing.lock_of(draft.version, hex_md5):
        if context.service.find_content(draft, [digest]):
            return digest  # asked again: the answer was lost, or took longer than the client waits
        parts = sorted(given["completedParts"], key=lambda part: int(part["partNumber"]))
        if context.service.complete_upload(draft, digest, [part["hexMD5"] for part in parts]):
            return digest  # what it is made of is proven before it is committed
        names = [_PARTS + part["hexMD5"].strip('"').lower() for part in parts]
        kept = context.service.put_content(draft, io.BufferedReader(_Parts(context, draft, names), _PIECE_BYTES))
    if kept.digest != digest:
        raise BadValueError(f"the MD5 of the parts together is {kept.digest}, and not {digest}; put them again")
    return digest


class _Parts(io.RawIOBase):
    """What was put in parts, as one stream."""

    def __init__(self, context: RequestContext, draft: ArtifactPath, names: Sequence[str]) -> None:
        self._pieces = _pieces_of(context, draft, names)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = next(self._pieces, b"")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def _pieces_of(context: RequestContext, draft: ArtifactPath, names: Sequence[str]) -> Iterator[bytes]:
    for name in names:
        with context.service.open_content(draft, name) as part:
            while piece := part.read(_PIECE_BYTES):
                yield piece


def manifest_upload(context: RequestContext, given: Given) -> dict[str, Any]:
    """A manifest that is to come: its `id`, and where to put it once its digest is known."""
    draft = find_draft(context, given["artifactID"])
    order = f"{int(time.time() * 1000):015d}-{secrets.token_hex(4)}"
    manifest = UploadedManifest(given.get("type") or "FULL", order, _base_of(given))
    return _manifest_node(context, draft, manifest, given.get("digest"))


def updated_manifest_upload(context: RequestContext, given: Given) -> dict[str, Any]:
    """The same of a manifest that was announced without its digest."""
    artifact_id, name = manifest_of(given["artifactManifestID"])
    manifest = UploadedManifest.named(name)
    if manifest is None:
        raise BadValueError("the manifest of a version is not changed; log a new version")
    draft = find_draft(context, artifact_node_id(artifact_id))
    return _manifest_node(context, draft, manifest._replace(base=_base_of(given) or manifest.base), given.get("digest"))


def _base_of(given: Given) -> str:
    """The `id` of the version that is added to, which must be one."""
    node_id = given.get("baseArtifactID") or ""
    if node_id:
        artifact_id_of(node_id)
    return node_id


def _manifest_node(
    context: RequestContext, draft: ArtifactPath, manifest: UploadedManifest, digest: str | None
) -> dict[str, Any]:
    node_id = manifest_node_id(draft.version, manifest.name)
    url = None
    if digest:
        url = context.signed_url("PUT", upload_address(draft.version, hex_of(digest), manifest.name))
    file = UploadNode(
        id=node_id,
        name="wandb_manifest.json",
        artifact={"id": artifact_node_id(draft.version)},
        uploadUrl=url,
        uploadHeaders=[f"Content-MD5:{digest}"] if digest else [],
    )
    return {"id": node_id, "file": file}
