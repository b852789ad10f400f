"""System metrics while a run is written: one sample at the start, one every interval, one at the end.

Keys are those that W&B uses. Percentages are 0 to 100, MB are 2^20 bytes, disk and network traffic counts from
the first sample.

    system.cpu                            the process's share of all CPUs since the last sample
    system.memory_percent                 memory in use on the machine
    system.proc.cpu.threads               threads of the process
    system.proc.memory.rssMB, .percent    resident memory of the process
    system.proc.memory.availableMB        memory that is still free on the machine
    system.disk.<mount>.usagePercent      of the disk that holds the store
    system.disk.in, .out                  MB read from and written to all disks
    system.network.recv, .sent            bytes over all network devices
    system.gpu.<i>.gpu                    share of the time in which the GPU was busy
    system.gpu.<i>.memory                 share of the time in which its memory was busy
    system.gpu.<i>.memoryAllocated        share of its memory in use; .memoryAllocatedBytes in bytes
    system.gpu.<i>.temp, .powerWatts      °C, watts
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STOP_TIMEOUT_S = 0.5
"""How long `stop` waits for a sample that is being taken; a hanging driver must not hold up the end of a script."""

_MB = 2**20
Sample = dict[str, float]
Warn = Callable[[str], None]


class SystemSampler:
    """Calls `log` with samples of the process `pid`, from the caller at `start` and `stop`, from a thread in between.

    `log` must be safe to call from another thread. A part that fails (no psutil, a driver in trouble) is left out
    from then on and told once through `warn`. In a forked child nothing is sampled, whatever is called.
    """

    def __init__(
        self,
        pid: int,
        log: Callable[[Sample], None],
        interval_s: float = 15.0,
        *,
        gpu: bool | None = None,
        disk: Path | None = None,
        warn: Warn | None = None,
    ) -> None:
        """`disk` is a path on the disk whose usage is wanted; it need not exist yet. `gpu` None: where one may be."""
        self._log = log
        self._interval_s = interval_s
        self._warn = warn or _log_warning
        self._owner_pid = os.getpid()
        self._gpu: Gpus | None = None
        self._wants_gpu = _may_have_gpu() if gpu is None else gpu
        self._process = _Process(pid, disk)
        self._failed: set[str] = set()
        self._stopping = threading.Event()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Log a first sample and begin to log one every interval."""
        if os.getpid() != self._owner_pid or self._thread is not None:
            return
        self._log_sample(self.sample())
        self._thread = threading.Thread(target=self._run, name="runlake-system", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Log a last sample; nothing is logged after the return."""
        if os.getpid() != self._owner_pid or self._thread is None or self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():  # hanging, most likely in a GPU driver or a network disk: not again in the caller
            self._failed.update(("gpu", "disk usage"))
        self._log_sample(self.sample(), is_last=True)

    def sample(self) -> Sample:
        """Measure now, without logging. GPUs are in it once the thread has found them."""
        values: Sample = {}
        for name, measure in (*self._process.parts, ("gpu", self._measure_gpus)):
            if name not in self._failed:
                values.update(self._measure(name, measure))
        return values

    def _measure(self, name: str, measure: Callable[[], Sample]) -> Sample:
        try:
            return measure()
        except Exception as error:  # whatever a driver or an odd kernel comes up with, training goes on
            self._fail(name, f"system metrics without {name}", error)
            return {}

    def _fail(self, name: str, what: str, error: Exception) -> None:
        if name not in self._failed:
            self._failed.add(name)
            self._warn(f"{what}: {type(error).__name__}: {error}")

    def _measure_gpus(self) -> Sample:
        gpu = self._gpu
        return gpu.measure() if gpu is not None else {}

    def _run(self) -> None:
        # Waking up the driver takes up to seconds where nobody else holds it open: not in the caller's time.
        if self._wants_gpu:
            self._measure("gpu", self._open_gpus)
            self._log_sample(self._measure("gpu", self._measure_gpus))
        while not self._stopping.wait(self._interval_s):
            self._log_sample(self.sample())

    def _open_gpus(self) -> Sample:
        self._gpu = Gpus()
        return {}

    def _log_sample(self, values: Sample, *, is_last: bool = False) -> None:
        # The thread may hang in `log`, waiting for whom a signal handler made stop us.
        if not self._turn.acquire(timeout=STOP_TIMEOUT_S if is_last else -1):
            return
        try:
            if values and (is_last or not self._stopping.is_set()):
                self._log(values)
        except Exception as error:  # the next one is tried again: a full disk may have room by then
            self._fail("log", "system metrics are not all kept", error)
        finally:
            self._turn.release()


class _Process:
    """What psutil knows of a process and its machine; each part stands alone."""

    def __init__(self, pid: int, disk: Path | None) -> None:
        self._pid = pid
        self._disk = disk
        self._opened: Any = None
        self._cpu_before: tuple[float, float] | None = None
        self._disk_before: tuple[int, int] | None = None
        self._network_before: tuple[int, int] | None = None
        self.parts: tuple[tuple[str, Callable[[], Sample]], ...] = (
            ("process", self._measure_process),
            ("memory", self._measure_memory),
            ("disk usage", self._measure_disk_usage),
            ("disk traffic", self._measure_disk_traffic),
            ("network", self._measure_network),
        )

    def _measure_process(self) -> Sample:
        import psutil

        if self._opened is None:
            self._opened = psutil.Process(self._pid)
        process = self._opened
        with process.oneshot():
            times, memory, thread_count = process.cpu_times(), process.memory_info(), process.num_threads()
            now, used_s = time.time(), times.user + times.system
            then, used_before_s = self._cpu_before or (process.create_time(), 0.0)
            self._cpu_before = (now, used_s)
            share = (used_s - used_before_s) / max(now - then, 0.001) / (os.cpu_count() or 1)
            return {
                "system.cpu": min(max(100.0 * share, 0.0), 100.0),
                "system.proc.cpu.threads": thread_count,
                "system.proc.memory.rssMB": memory.rss / _MB,
                "system.proc.memory.percent": process.memory_percent(),
            }

    def _measure_memory(self) -> Sample:
        import psutil

        memory = psutil.virtual_memory()
        return {
            "system.memory_percent": memory.percent,
            "system.proc.memory.availableMB": memory.available / _MB,
        }

    def _measure_disk_usage(self) -> Sample:
        if self._disk is None:
            return {}
        import shutil

        mount = _mount_of(self._disk)
        usage = shutil.disk_usage(mount)
        return {f"system.disk.{mount}.usagePercent": 100.0 * usage.used / usage.total if usage.total else 0.0}

    def _measure_disk_traffic(self) -> Sample:
        import psutil

        counters = psutil.disk_io_counters(nowrap=False)
        if counters is None:  # no disks, as in some containers
            return {}
        now = (counters.read_bytes, counters.write_bytes)
        self._disk_before = self._disk_before or now
        read, written = (max(a - b, 0) / _MB for a, b in zip(now, self._disk_before, strict=True))
        return {"system.disk.in": read, "system.disk.out": written}

    def _measure_network(self) -> Sample:
        import psutil

        counters = psutil.net_io_counters(nowrap=False)
        if counters is None:
            return {}
        now = (counters.bytes_recv, counters.bytes_sent)
        self._network_before = self._network_before or now
        received, sent = (max(a - b, 0) for a, b in zip(now, self._network_before, strict=True))
        return {"system.network.recv": received, "system.network.sent": sent}


class Gpus:
    """The machine's NVIDIA GPUs; making one raises when there is no driver or no pynvml (``runlake[gpu]``)."""

    def __init__(self) -> None:
        import pynvml

        pynvml.nvmlInit()
        self._nvml: Any = pynvml
        self._devices = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]

    def measure(self) -> Sample:
        """All devices; what a device does not support is left out."""
        values: Sample = {}
        for i, device in enumerate(self._devices):
            for read in (self._read_load, self._read_memory, self._read_temperature, self._read_power):
                try:
                    measured = read(device)
                except self._nvml.NVMLError:  # consumer cards and MIG slices lack some of these
                    continue
                values.update({f"system.gpu.{i}.{name}": value for name, value in measured.items()})
        return values

    def _read_load(self, device: Any) -> Sample:
        rates = self._nvml.nvmlDeviceGetUtilizationRates(device)
        return {"gpu": rates.gpu, "memory": rates.memory}

    def _read_memory(self, device: Any) -> Sample:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(device)
        return {"memoryAllocated": 100.0 * memory.used / memory.total, "memoryAllocatedBytes": memory.used}

    def _read_temperature(self, device: Any) -> Sample:
        return {"temp": self._nvml.nvmlDeviceGetTemperature(device, self._nvml.NVML_TEMPERATURE_GPU)}

    def _read_power(self, device: Any) -> Sample:
        return {"powerWatts": self._nvml.nvmlDeviceGetPowerUsage(device) / 1000.0}


def _may_have_gpu() -> bool:
    """Whether an NVIDIA driver can be there and pynvml is installed: a machine without them gets no warning."""
    if os.name == "posix" and not any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg", "/proc/driver/nvidia"))):
        return False
    import importlib.util

    return importlib.util.find_spec("pynvml") is not None


def _mount_of(path: Path) -> str:
    """The mount point of the disk that `path` is on, or will be on once it is made."""
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    while not place.is_mount() and place != place.parent:
        place = place.parent
    return str(place)


def _log_warning(message: str) -> None:
    import logging

    logging.getLogger("runlake").warning(message)
