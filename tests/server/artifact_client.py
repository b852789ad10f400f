"""What W&B's client says when it logs an artifact, a request at a time."""

import base64
import hashlib
import json

from runlake.artifact_model import ManifestEntry, digest_of

CREATE = "createArtifact", "CreateArtifactInput", "artifact { id state artifactSequence { latestArtifact { id } } }"
MANIFEST = "createArtifactManifest", "CreateArtifactManifestInput", "artifactManifest { id file { id uploadUrl } }"
UPDATE = "updateArtifactManifest", "UpdateArtifactManifestInput", "artifactManifest { id file { id uploadUrl } }"
FILES = (
    "createArtifactFiles",
    "CreateArtifactFilesInput",
    """files { edges { node { name storagePath uploadUrl uploadHeaders artifact { id }
    uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } }""",
)
COMPLETE = "completeMultipartUploadArtifact", "CompleteMultipartUploadArtifactInput", "digest"
COMMIT = "commitArtifact", "CommitArtifactInput", "artifact { id digest versionIndex }"
USE = "useArtifact", "UseArtifactInput", "artifact { id digest }"


def md5_of(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def hex_md5_of(content):
    return hashlib.md5(content).hexdigest()


def entries_of(files):
    """The contents of a manifest: of each file its bytes, or what is written of it."""
    return {
        name: file if isinstance(file, dict) else {"digest": md5_of(file), "size": len(file)}
        for name, file in files.items()
    }


def manifest_of(files):
    head = {"version": 1, "storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"}}
    return json.dumps({**head, "contents": entries_of(files)}).encode()


def digest_of_files(files):
    return digest_of(ManifestEntry(path=name, digest=entry["digest"]) for name, entry in entries_of(files).items())


class ArtifactClient:
    """`send(method, address, **options)` is one request that must be answered, as `httpx` has it."""

    def __init__(self, send, *, entity="ann", project="arts", name="data", run=None):
        self._send = send
        self.place = {"entityName": entity, "projectName": project, "runName": run}
        self.name = name

    def answer(self, operation, **given):
        """The whole answer of a mutation."""
        field, kind, selection = operation
        document = f"mutation M($input: {kind}!) {{ {field}(input: $input) {{ {selection} }} }}"
        body = {"query": document, "variables": {"input": given}}
        return self._send("POST", "/graphql", json=body, headers={"User-Agent": "wandb-core"})

    def ask(self, operation, **given):
        """What a mutation gives; there must be no error."""
        answer = self.answer(operation, **given)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert "errors" not in told, told["errors"]
        return told["data"][operation[0]]

    def error(self, operation, **given):
        """The one error of a mutation."""
        (error,) = self.answer(operation, **given).json()["errors"]
        return error["extensions"]["code"], error["message"]

    def begin(self, files, *, client_id=None, kind="dataset", **more):
        aliases = [{"artifactCollectionName": self.name, "alias": "latest"}]
        given = {"artifactCollectionName": self.name, "artifactTypeName": kind, "aliases": aliases, **self.place}
        given |= {"digest": digest_of_files(files), "clientID": client_id or digest_of_files(files) * 4}
        return self.ask(CREATE, **given, enableDigestDeduplication=True, **more)["artifact"]

    def manifest(self, artifact_id, *, digest="", kind="FULL", base=None):
        given = {"artifactID": artifact_id, "name": "wandb_manifest.json", "type": kind, "baseArtifactID": base}
        return self.ask(MANIFEST, **given, digest=digest, **self.place)["artifactManifest"]

    def uploads(self, artifact_id, files):
        """The upload of each of the files that are bytes."""
        specs = [
            {"artifactID": artifact_id, "name": name, "md5": md5_of(content)}
            for name, content in files.items()
            if isinstance(content, bytes)
        ]
        edges = self.ask(FILES, artifactFiles=specs, storageLayout="V2")["files"]["edges"]
        return {edge["node"]["name"]: edge["node"] for edge in edges}

    def put(self, url, content):
        answer = self._send("PUT", url, content=content, headers={"Content-MD5": md5_of(content)}, is_signed=True)
        assert answer.status_code == 200, answer.text
        return answer

    def put_files(self, artifact_id, files):
        """Put those that are missing; answers which these were."""
        missing = {name: node["uploadUrl"] for name, node in self.uploads(artifact_id, files).items()}
        missing = {name: url for name, url in missing.items() if url is not None}
        for name, url in missing.items():
            self.put(url, files[name])
        return sorted(missing)

    def put_manifest(self, artifact_id, files, *, kind="FULL", base=None):
        content = manifest_of(files)
        if kind == "FULL":
            node = self.manifest(artifact_id, digest=md5_of(content), base=base)
        else:
            announced = self.manifest(artifact_id, kind=kind, base=base)["id"]
            given = {"artifactManifestID": announced, "digest": md5_of(content), "baseArtifactID": base}
            node = self.ask(UPDATE, **given)["artifactManifest"]
        self.put(node["file"]["uploadUrl"], content)

    def commit(self, artifact_id):
        return self.ask(COMMIT, artifactID=artifact_id)["artifact"]

    def log(self, files, *, kind="FULL", **more):
        """All of it; the version's number."""
        begun = self.begin(files, **more)
        if begun["state"] == "COMMITTED":
            return begun["id"]
        latest = begun["artifactSequence"]["latestArtifact"]
        self.put_files(begun["id"], files)
        self.put_manifest(begun["id"], files, kind=kind, base=latest and latest["id"])
        return self.commit(begun["id"])["id"]
