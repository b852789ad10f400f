"""Types that are decoded for the first time by several threads at once."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import runlake

SOURCES = sorted(Path(runlake.__file__).parent.rglob("*.py"))
AT_ONCE = """
import sys, threading
from types import ModuleType
import msgspec
from runlake.ready import ready

sys.setswitchinterval(1e-6)
fields = "".join(f"    a{number}: int | None = None\\n" for number in range(20))
kinds = "".join(f"class K{n}(msgspec.Struct):\\n{fields}    child: 'K{n - 1} | None' = None\\n" for n in range(1, 30))
body = msgspec.msgpack.encode({"a1": 1, "child": {"a2": 2, "child": {"a3": 3}}})
for number in range(40):
    module = sys.modules[f"m{number}"] = ModuleType(f"m{number}")
    exec(f"import msgspec\\nclass K0(msgspec.Struct):\\n{fields}{kinds}", module.__dict__)
    begin = threading.Barrier(4)

    def decode():
        begin.wait()
        assert msgspec.msgpack.decode(body, type=ready(module.K29)).child.child.a3 == 3

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_that_are_the_first_to_decode_a_type_all_do():
    done = subprocess.run([sys.executable, "-W", "error", "-c", AT_ONCE], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


DECODES = "msgspec.convert", "msgspec.json.decode", "msgspec.msgpack.decode"


def decoded_types(path):
    """The types that calls name from which msgspec has still to find out what it must know."""
    text = path.read_text("utf-8")
    for node in ast.walk(ast.parse(text)) if any(name in text for name in DECODES) else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) in DECODES:
            yield from (word.value for word in node.keywords if word.arg == "type")
            if ast.unparse(node.func) == "msgspec.convert":
                yield from node.args[1:]


@pytest.mark.parametrize("path", [path for path in SOURCES if any(decoded_types(path))], ids=lambda path: path.stem)
def test_every_type_that_is_decoded_is_made_ready(path):
    assert [kind for kind in map(ast.unparse, decoded_types(path)) if not kind.startswith("ready(")] == []
