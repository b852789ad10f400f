"""Each media class takes what that of the official client takes, and lacks only what is listed here."""

import importlib
import inspect
import json
import subprocess

import pytest
from seat import find_python

CLASSES = {
    "Audio": "runlake",
    "Bokeh": "runlake",
    "BoundingBoxes2D": "runlake.media.annotations",
    "Classes": "runlake",
    "EvalTable": "runlake",
    "Graph": "runlake",
    "Histogram": "runlake",
    "Html": "runlake",
    "Image": "runlake",
    "ImageMask": "runlake.media.annotations",
    "JoinedTable": "runlake",
    "Molecule": "runlake",
    "Object3D": "runlake",
    "Plotly": "runlake",
    "Table": "runlake",
    "Video": "runlake",
}

SCRIPT = """
import inspect, json
from wandb import data_types

def parameters(thing):
    try:
        found = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    return [p.name for p in found if p.kind is not p.VAR_KEYWORD and p.kind is not p.VAR_POSITIONAL]

told = {}
for name in NAMES:
    kind = getattr(data_types, name)
    methods = {m: parameters(getattr(kind, m)) for m in dir(kind) if m[0] != "_" and callable(getattr(kind, m))}
    told[name] = {"__init__": parameters(kind), **methods}
print(json.dumps(told))
"""

OF_ITS_OWN_STORING = {
    "all_boxes", "all_captions", "all_masks", "bind_to_run", "captions", "durations", "encode", "file_is_set",
    "from_json", "get_media_subdir", "get_type", "guess_mode", "init_from_json", "inject_head", "is_bound",
    "path_is_reference", "pprint", "resolve_ref", "sample_rates", "seq_to_json", "to_data_array", "to_json",
    "type_mapping", "type_name", "validate", "with_suffix",
}  # fmt: skip
"""By these the official client stores its media. Ours are stored otherwise."""


@pytest.fixture(scope="module")
def official():
    code = SCRIPT.replace("NAMES", repr(list(CLASSES)))
    done = subprocess.run([find_python(), "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", CLASSES)
def test_every_argument_is_taken_in_its_place(official, name):
    kind = getattr(importlib.import_module(CLASSES[name]), name)
    for method, wanted in official[name].items():
        if method in OF_ITS_OWN_STORING:
            continue
        ours = inspect.signature(kind if method == "__init__" else getattr(kind, method)).parameters
        if any(p.kind is p.VAR_POSITIONAL for p in ours.values()):
            continue  # EvalTable hands them on to Table, add_data takes any number of cells
        assert [name for name in ours][: len(wanted)] == wanted, method
