"""System metrics: what is in a sample, when samples are taken, and that nothing ever waits for them."""

import os
import queue
import subprocess
import sys
import time
import types

import pytest

from runlake.sdk.capture.system import SystemSampler, _mount_of
from waiting import DEADLINE_S

ALWAYS = {
    "system.cpu",
    "system.memory_percent",
    "system.proc.cpu.threads",
    "system.proc.memory.availableMB",
    "system.proc.memory.percent",
    "system.proc.memory.rssMB",
}


def told_nothing(message):
    raise AssertionError(message)


def make(log=lambda sample: None, *, interval_s=60.0, gpu=False, **more):
    more.setdefault("warn", told_nothing)
    return SystemSampler(os.getpid(), log, interval_s, gpu=gpu, **more)


def test_a_sample_has_the_known_keys_and_possible_values(tmp_path):
    sample = make(disk=tmp_path / "not" / "yet").sample()
    mount = f"system.disk.{_mount_of(tmp_path)}.usagePercent"
    assert sample.keys() >= ALWAYS | {mount}
    assert all(type(value) in (int, float) for value in sample.values())
    for key in ("system.cpu", "system.memory_percent", "system.proc.memory.percent", mount):
        assert 0 <= sample[key] <= 100
    assert sample["system.proc.memory.rssMB"] > 1
    assert sample["system.proc.cpu.threads"] >= 1


def test_the_cpu_share_follows_the_work():
    """The sampler looks at its clocks somewhere in each call: its share lies between what is known on either side."""
    sampler = make()
    before = _clocks()
    sampler.sample()
    after_first = _clocks()
    while time.process_time() < after_first[1] + 0.2:
        pass
    before_second = _clocks()
    sample = sampler.sample()
    after = _clocks()
    tick_s = 2 / os.sysconf("SC_CLK_TCK")  # of both looks, how coarse times of processes are
    least = (before_second[1] - after_first[1] - tick_s) / (after[0] - before[0])
    most = (after[1] - before[1] + tick_s) / (before_second[0] - after_first[0])
    assert 100 * least <= sample["system.cpu"] * os.cpu_count() <= 100 * most


def _clocks():
    return time.monotonic(), time.process_time()


def test_traffic_counts_from_the_first_sample():
    first = make().sample()
    traffic = {k: v for k, v in first.items() if k.startswith(("system.network", "system.disk.in", "system.disk.out"))}
    assert set(traffic.values()) <= {0}


def test_one_sample_at_the_start_some_between_one_at_the_end():
    samples = queue.Queue()
    sampler = make(samples.put, interval_s=0.1)
    sampler.start()
    assert samples.qsize() >= 1
    for _ in range(3):
        assert samples.get(timeout=DEADLINE_S).keys() >= ALWAYS
    sampler.stop()
    assert samples.get(timeout=DEADLINE_S).keys() >= ALWAYS
    left = samples.qsize()
    assert not sampler._thread.is_alive()
    sampler.stop()
    assert samples.qsize() == left


def test_a_short_run_has_two_samples():
    samples = []
    sampler = make(samples.append)
    sampler.start()
    sampler.start()
    sampler.stop()
    assert len(samples) == 2


def test_a_part_that_fails_is_told_once_and_the_rest_goes_on(monkeypatch):
    import psutil

    def fail(*args, **kwargs):
        raise psutil.AccessDenied(1)

    monkeypatch.setattr(psutil, "virtual_memory", fail)
    told = []
    sampler = make(warn=told.append)
    samples = [sampler.sample(), sampler.sample()]
    assert all("system.memory_percent" not in s and "system.proc.cpu.threads" in s for s in samples)
    assert told == ["system metrics without memory: AccessDenied: (pid=1)"]


def test_without_psutil_the_disk_is_still_measured(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "psutil", None)
    told = []
    assert list(make(warn=told.append, disk=tmp_path).sample()) == [f"system.disk.{_mount_of(tmp_path)}.usagePercent"]
    assert [message.partition(":")[0] for message in told] == [
        "system metrics without process",
        "system metrics without memory",
        "system metrics without disk traffic",
        "system metrics without network",
    ]


def test_an_error_of_the_log_is_told_once_and_stops_nothing():
    told = []

    def log(sample):
        raise OSError("disk full")

    sampler = make(log, warn=told.append)
    sampler.start()
    sampler.stop()
    assert told == ["system metrics are not all kept: OSError: disk full"]


class NvmlError(Exception):
    pass


def driver(**changes):
    """A stand-in for NVIDIA's driver, with two devices of which the second knows no power."""

    def power(device):
        if device:
            raise NvmlError("not supported")
        return 71_500

    functions = {
        "NVMLError": NvmlError,
        "NVML_TEMPERATURE_GPU": 0,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda i: i,
        "nvmlDeviceGetUtilizationRates": lambda d: types.SimpleNamespace(gpu=50 + d, memory=20),
        "nvmlDeviceGetMemoryInfo": lambda d: types.SimpleNamespace(used=1024, total=4096),
        "nvmlDeviceGetTemperature": lambda d, kind: 60,
        "nvmlDeviceGetPowerUsage": power,
    }
    return types.SimpleNamespace(**(functions | changes))


def test_gpus_are_measured_as_far_as_they_can_be(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", driver())
    samples = queue.Queue()
    sampler = make(samples.put, gpu=True)
    sampler.start()
    assert not [key for key in samples.get(timeout=DEADLINE_S) if "gpu" in key]
    expected = {
        "system.gpu.0.gpu": 50, "system.gpu.0.memory": 20, "system.gpu.0.memoryAllocated": 25.0,
        "system.gpu.0.memoryAllocatedBytes": 1024, "system.gpu.0.temp": 60, "system.gpu.0.powerWatts": 71.5,
        "system.gpu.1.gpu": 51, "system.gpu.1.memory": 20, "system.gpu.1.memoryAllocated": 25.0,
        "system.gpu.1.memoryAllocatedBytes": 1024, "system.gpu.1.temp": 60,
    }  # fmt: skip
    assert samples.get(timeout=DEADLINE_S) == expected
    sampler.stop()
    last = samples.get(timeout=DEADLINE_S)
    assert {key: value for key, value in last.items() if "gpu" in key} == expected
    assert last.keys() >= ALWAYS


def test_a_driver_in_trouble_is_told_once(monkeypatch):
    def fail():
        raise NvmlError("driver mismatch")

    monkeypatch.setitem(sys.modules, "pynvml", driver(nvmlInit=fail))
    told, samples = queue.Queue(), []
    sampler = make(samples.append, gpu=True, warn=told.put)
    sampler.start()
    assert told.get(timeout=DEADLINE_S) == "system metrics without gpu: NvmlError: driver mismatch"
    sampler.stop()
    assert (len(samples), told.qsize()) == (2, 0)


SCRIPT = """
import os, sys, threading, time
from runlake.sdk.capture.system import SystemSampler
{body}
"""


def run_script(body):
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body)], capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    assert result.stderr == ""
    return result.stdout


def test_a_sampler_that_is_never_stopped_does_not_hold_up_the_exit():
    assert run_script("SystemSampler(os.getpid(), lambda sample: None, 3600).start(); print('end')") == "end\n"


def test_a_sample_that_hangs_does_not_hold_up_the_end():
    output = run_script(
        """
started = threading.Event()
class Hanging(SystemSampler):
    def _measure_gpus(self):
        if threading.current_thread() is not threading.main_thread():
            started.set()
            time.sleep(3600)
        return super()._measure_gpus()
samples = []
sampler = Hanging(os.getpid(), samples.append, 0.1)
sampler.start()
started.wait()
sampler.stop()
print(len(samples))
"""
    )
    assert output == "2\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_samples_nothing():
    output = run_script(
        """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on, for any fork beside a thread
samples = []
sampler = SystemSampler(os.getpid(), samples.append, 3600)
sampler.start()
pid = os.fork()
if pid == 0:
    sampler.start()
    sampler.stop()
    os._exit(len(samples))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
sampler.stop()
print(len(samples))
"""
    )
    assert output == "1\n2\n"
