"""What lies in a version of an artifact, as plain values."""


def contents_of(service, path):
    """The bytes of each file of a version, by its path."""
    found = {}
    for entry in service.read_manifest(path):
        if entry.ref is None:
            with service.open_content(path, entry.path) as content:
                found[entry.path] = content.read()
    return found
