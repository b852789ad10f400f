"""Looks at a server from outside while it is attacked: does it answer, and how large do its processes grow?

A program of its own, so that the attackers' work is not taken for the server's: ``python watch.py URL PID`` prints what
it saw as JSON as soon as its input is closed.
"""

import json
import sys
import threading
import time

import httpx
import psutil

PAUSE_S = 0.02


def watch(url, pid, ended):
    """The longest wait for ``/healthz``, how often nobody answered it, and the most memory of one process."""
    parent = psutil.Process(pid)
    seen = {"answer_count": 0, "unanswered_count": 0, "worst_answer_s": 0.0, "max_rss_bytes": 0}
    while not ended.is_set():
        began = time.monotonic()
        try:
            # A connection of its own: who has one already is answered even where nobody else gets in.
            answer = httpx.get(f"{url}/healthz", timeout=60.0)
            seen["answer_count" if answer.status_code == 200 else "unanswered_count"] += 1
        except httpx.HTTPError:
            seen["unanswered_count"] += 1
        seen["worst_answer_s"] = max(seen["worst_answer_s"], time.monotonic() - began)
        seen["max_rss_bytes"] = max(seen["max_rss_bytes"], *rss_bytes(parent))
        if seen["answer_count"] == 1:
            print("watching", flush=True)
        time.sleep(PAUSE_S)
    return seen


def rss_bytes(parent):
    """Of each process of the server."""
    for process in (parent, *parent.children(recursive=True)):
        try:
            yield process.memory_info().rss
        except psutil.NoSuchProcess:
            yield 0


if __name__ == "__main__":
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    json.dump(watch(sys.argv[1], int(sys.argv[2]), ended), sys.stdout)
