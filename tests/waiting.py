"""The patience of tests: one deadline for everything that other processes and threads bring about."""

import json
import time
from pathlib import Path

DEADLINE_S = 180.0
"""What tests wait for takes seconds where nothing else runs, and only a fault makes it take longer than this."""


def wait_until(condition, what="it", *, deadline_s=DEADLINE_S, pause_s=0.02):
    """What `condition` answers, as soon as that is true. `what` did not come about, else: a text, or what makes it."""
    end = time.monotonic() + deadline_s
    while not (found := condition()):
        if time.monotonic() > end:
            said = what() if callable(what) else what
            raise AssertionError(f"after {deadline_s:g} s, this had not come about: {said}")
        time.sleep(pause_s)
    return found


def lines_until_served(server):
    """What `runlake serve` prints, up to the line that ends with its address. AssertionError when it ends before."""
    said = []
    while not said or " is served at " not in said[-1]:
        line = server.stdout.readline()
        assert line, f"the server ended; it had said: {''.join(said)}"
        said.append(line)
    return said


def is_alive(pid):
    """Whether a process lives; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_captures(store):
    """What runs record of their machine and packages is collected by processes that may outlive them a little."""
    collected = list(store.rglob("files/wandb-metadata.json"))
    assert collected
    for metadata in collected:
        # The last process of a run has added what it found by one replacement of the file.
        wait_until(lambda file=metadata: "memory" in json.loads(file.read_bytes()), f"{metadata} is complete")
