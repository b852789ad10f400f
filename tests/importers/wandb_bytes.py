"""``.wandb`` files as W&B's client writes them, made by hand: frames, and messages of numbered fields."""

import json
import struct
import zlib

from protobuf_bytes import field

BLOCK_BYTES = 32768
HEAD = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
NUMBER, HISTORY, SUMMARY, CONFIG, STATS, ALERT, METRIC, OUTPUT, RUN, EXIT = 1, 2, 3, 5, 7, 10, 12, 13, 17, 18


def item(*path, value, text=None):
    """A key or a nested key, and its value as JSON."""
    keys = [field(1, path[0])] if len(path) == 1 else [field(2, part) for part in path]
    return b"".join(keys) + field(16, json.dumps(value) if text is None else text)


def items(values, number=1):
    return b"".join(field(number, item(*key.split("/"), value=value)) for key, value in values.items())


def timestamp(seconds):
    return field(1, int(seconds)) + field(2, int(seconds % 1 * 1e9))


def record(number, message):
    return field(number, message)


def run(run_id="abc", *, config=(), started_at=1000.0, **words):
    numbers = {"entity": 2, "project": 3, "group": 6, "job_type": 7, "name": 8, "notes": 9, "tag": 10, "host": 13}
    said = b"".join(field(numbers[name], value) for name, value in words.items())
    return record(RUN, field(1, run_id) + said + field(4, items(dict(config))) + field(17, timestamp(started_at)))


def history(step, at=None, **values):
    values = {"_step": step, "_timestamp": 1000.0 + step if at is None else at, "_runtime": float(step), **values}
    return record(HISTORY, items(values) + field(2, field(1, step)))


def log(records):
    """The bytes of a file with these records, in fragments that end where blocks do."""
    data = bytearray(HEAD)
    for content in records:
        kinds, is_first = (1, 2, 3, 4), True
        while True:
            left = BLOCK_BYTES - len(data) % BLOCK_BYTES
            if left < 7:
                data += bytes(left)
                continue
            piece, content = content[: left - 7], content[left - 7 :]
            kind = kinds[0] if is_first and not content else kinds[1] if is_first else kinds[2] if content else kinds[3]
            data += struct.pack("<IHB", zlib.crc32(bytes([kind]) + piece), len(piece), kind) + piece
            is_first = False
            if not content:
                break
    return bytes(data)
