"""What the machine has, and which stages may run side by side on it."""

import os
import threading
from collections.abc import Callable, Sequence

from msgspec import Struct

from outdo.core.errors import NotEnough
from outdo.core.model import Resources, Stage


class Machine(Struct, frozen=True):
    """What stages may take in all."""

    cpu: float
    gpus: tuple[str, ...] = ()
    """Their ids, as `CUDA_VISIBLE_DEVICES` names them."""
    memory: int = 0
    """Bytes; 0 means unknown, so no stage waits for memory."""


class Share(Struct, frozen=True):
    """What one stage was given."""

    cpu: float
    memory: int
    gpus: tuple[tuple[str, float], ...] = ()
    """Ids, and how much of each."""


class Budget:
    """Gives shares of a machine to stages in the order they ask, so that none waits for ever.

    A stage that does not fit holds back what it needs: later ones may pass it only on what it has no use for. Several
    runs may share one: `freed` is called whenever there may be room again for what one of them waits with.
    """

    def __init__(
        self, machine: Machine, jobs: int | None = None, freed: Callable[[], None] = lambda: None
    ) -> None:
        self._freed = freed
        self.lock = threading.RLock()
        self._machine = machine
        self._jobs = jobs or 10_000
        self._cpu = machine.cpu
        self._memory = machine.memory
        self._gpus = dict.fromkeys(machine.gpus, 1.0)

    def check(self, stages: Sequence[Stage]) -> None:
        """Raises `NotEnough` for a stage that could never start. Of processors and memory a stage that asks for
        more than there is gets all; a GPU can't be halved into two."""
        for stage in stages:
            if stage.resources.gpu > len(self._machine.gpus):
                what = (
                    f"stage '{stage.name}' asks for {stage.resources.gpu:g} GPU, "
                    f"but this machine has {len(self._machine.gpus)}"
                )
                fix = "run it where there is one, or lower `resources.gpu`"
                raise NotEnough(what, where=stage.place, fix=fix)

    def round(self) -> "Round":
        """A round in which stages ask, the most urgent first."""
        return Round(self)

    def give_back(self, share: Share) -> None:
        """Frees what a stage had."""
        with self.lock:
            self.put_back(share)
        self._freed()

    def put_back(self, share: Share) -> None:
        """The same for a share that nobody had the time to miss."""
        self._cpu += share.cpu
        self._memory += share.memory
        self._jobs += 1
        for gpu, part in share.gpus:
            self._gpus[gpu] += part

    def take(self, resources: Resources) -> Share | None:
        """A share, or None where there is too little of something."""
        cpu = min(resources.cpu, self._machine.cpu)
        memory = min(resources.memory, self._machine.memory)
        gpus = self._pick(resources.gpu)
        if gpus is None or cpu > self._cpu + 1e-9 or memory > self._memory or self._jobs < 1:
            return None
        share = Share(cpu, memory, gpus)
        self._take(share)
        return share

    def hold_back(self, resources: Resources) -> None:
        """Keeps what a stage needs from those that ask after it; GPUs are only ever
        wanted whole or shared by those that want them, so they are not held."""
        self._cpu -= min(resources.cpu, self._machine.cpu)
        self._memory -= min(resources.memory, self._machine.memory)

    def release(self, resources: Resources) -> None:
        """Takes back a `hold_back`."""
        self._cpu += min(resources.cpu, self._machine.cpu)
        self._memory += min(resources.memory, self._machine.memory)

    @property
    def open(self) -> bool:
        """Whether any stage could still start."""
        return self._cpu > 1e-9 and self._jobs > 0

    def _take(self, share: Share) -> None:
        self._cpu -= share.cpu
        self._memory -= share.memory
        self._jobs -= 1
        for gpu, part in share.gpus:
            self._gpus[gpu] -= part

    def _pick(self, wanted: float) -> tuple[tuple[str, float], ...] | None:
        """Whole GPUs for 1, 2, …; for a part the fullest that still has room."""
        if not wanted:
            return ()
        if wanted < 1:
            room = [(left, gpu) for gpu, left in self._gpus.items() if left >= wanted - 1e-9]
            return ((min(room)[1], wanted),) if room else None
        whole = [gpu for gpu, left in self._gpus.items() if left >= 1]
        count = int(-(-wanted // 1))
        return tuple((gpu, 1.0) for gpu in whole[:count]) if len(whole) >= count else None


class Round:
    """One round of asking for shares, of one run at a time; what is held back in it is free again after it."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held: list[Resources] = []

    def __enter__(self) -> "Round":
        self._budget.lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        for resources in self._held:
            self._budget.release(resources)
        self._budget.lock.release()

    @property
    def open(self) -> bool:
        """Whether any stage could still start."""
        return self._budget.open

    def take(self, resources: Resources) -> Share | None:
        """A share; or None, and later stages leave what this one waits for."""
        share = self._budget.take(resources)
        if share is None:
            self._budget.hold_back(resources)
            self._held.append(resources)
        return share


def measure() -> Machine:
    """This machine: processors this process may use, GPUs, memory.

    A container's limits count where the kernel tells them.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _number_in("/sys/fs/cgroup/cpu.max")
    if quota:
        cpus = max(1, min(cpus, int(quota // 100_000) or 1))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _number_in("/sys/fs/cgroup/memory.max")
    return Machine(float(cpus), _gpus(), min(memory, limit) if limit else memory)


def _number_in(path: str) -> int:
    try:
        with open(path, encoding="ascii") as file:
            words = file.read().split()
    except OSError:
        return 0
    if not words or not words[0].isdigit():
        return 0
    period = int(words[1]) if len(words) > 1 and words[1].isdigit() else 100_000
    return int(words[0]) * 100_000 // period if len(words) > 1 else int(words[0])


def _gpus() -> tuple[str, ...]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(gpu.strip() for gpu in visible.split(",") if gpu.strip() and gpu.strip() != "-1")
    try:
        return tuple(str(number) for number in range(len(os.listdir("/proc/driver/nvidia/gpus"))))
    except OSError:
        return ()
