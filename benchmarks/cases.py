"""What is measured, beside whom, and the bar for each: one function a case."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from benchmarks import experiments, worlds
from benchmarks.measure import Contender, Sample, Spread, Unit, of, ratio, spread
from benchmarks.peers import DVC_ENV, Missing, outdo, peer
from benchmarks.worlds import World

Samples = Mapping[str, Sequence[Sample]]


class Bar(Struct, frozen=True):
    """What has to hold; `figure` is None where its peer was not measured."""

    text: str
    figure: Callable[[Samples], Spread | None]
    at_most: float
    show: Callable[[float], str]


class Case(Struct, frozen=True):
    """Contenders that do the same work, and the bars for ours."""

    title: str
    contenders: Sequence[Contender]
    bars: Sequence[Bar] = ()
    rounds: int = 5


class Grounds(Struct, frozen=True):
    """Where the worlds of one benchmark run are made, and whether those that take minutes take part."""

    root: str
    full: bool = False

    def new(self, name: str) -> str:
        """A folder that is not there yet."""
        number = 0
        while os.path.exists(path := os.path.join(self.root, f"{name}-{number}")):
            number += 1
        return path

    def first_runs(self, name: str, make: Callable[[str], str]) -> Callable[[], str]:
        """Every run gets a world of its own, as nothing of a former run may help it."""
        return lambda: make(self.new(name))

    def later_runs(
        self, name: str, make: Callable[[str], str], words: Sequence[str] = ()
    ) -> Callable[[], str]:
        """Every run gets the same world, in which `words` have run once."""
        folder = make(self.new(name))
        if words:
            worlds.run_in(folder, words)
        return lambda: folder

    @property
    def dvc_env(self) -> dict[str, str]:
        return {**DVC_ENV, "DVC_SITE_CACHE_DIR": os.path.join(self.root, "dvc-site")}


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def times(value: float) -> str:
    return f"{value:.3f} ×" if value < 0.2 else f"{value:.2f} ×"


def megabytes(value: float) -> str:
    return f"{value / 1e6:.0f} MB"


def beside(name: str, other: str, unit: Unit, at_most: float) -> Bar:
    """`name` takes at most so many times what `other` does."""

    def figure(samples: Samples) -> Spread | None:
        return ratio(samples[name], samples[other], unit) if samples.get(other) else None

    return Bar(f"{_of(name)}{UNITS[unit]} ≤ {at_most:g} × {other}", figure, at_most, times)


def within(name: str, unit: Unit, at_most: float) -> Bar:
    """`name` takes at most so much."""
    show = megabytes if unit == "peak" else seconds
    return Bar(
        f"{_of(name)}{UNITS[unit]} ≤ {show(at_most)}",
        lambda samples: spread(of(samples[name], unit)),
        at_most,
        show,
    )


def _of(name: str) -> str:
    """Which contender a bar is of, where it is not plain."""
    return "" if name == "outdo" else f"{name}: "


UNITS: dict[Unit, str] = {"cpu": "CPU", "wall": "wall", "peak": "memory"}


def version(grounds: Grounds) -> Case:
    """How long it takes to say anything at all."""
    here = grounds.later_runs("version", lambda folder: worlds.write_make(folder, World(())))
    hello = "import click; click.command()(lambda: click.echo('hello'))(standalone_mode=False)"
    return Case(
        "`outdo --version`",
        [
            Contender("outdo", [outdo(), "--version"], here, says="outdo"),
            Contender("python -c pass", [sys.executable, "-c", "pass"], here),
            Contender("a click command", [sys.executable, "-c", hello], here, says="hello"),
            Contender("dvc", [peer("dvc"), "--version"], here, grounds.dvc_env),
        ],
        [within("outdo", "cpu", 0.100)],
        rounds=11,
    )


def noop_5(grounds: Grounds) -> Case:
    """Five stages, all fresh."""
    return Case("no-op run, 5 stages", _noop(grounds, worlds.five()), [beside("outdo", "dvc", "cpu", 0.12)])


def noop_200(grounds: Grounds) -> Case:
    """A chain of 200, all fresh."""
    return Case("no-op run, chain of 200", _noop(grounds, worlds.chain(200)), rounds=3)


def noop_1000(grounds: Grounds) -> Case:
    """A fan-out of 1000, all fresh."""
    bars = [beside("outdo", "dvc", "cpu", 0.03), within("outdo", "cpu", 0.500)]
    inputs = worlds.own_inputs(1000)
    make = lambda folder: worlds.write_outdo(folder, inputs)  # noqa: E731
    own = grounds.later_runs("noop-own", make, [outdo(), "run"])
    also = Contender("outdo, an input each", [outdo(), "run"], own, says="nothing to do")
    return Case("no-op run, fan-out of 1000", [*_noop(grounds, worlds.fan_out(1000)), also], bars, rounds=3)


def first_1000(grounds: Grounds) -> Case:
    """The first run of 1000 stages that need nothing and write one file."""
    world = worlds.independent(1000)
    empty = World(())
    pool = os.path.join(os.path.dirname(__file__), "pool.py")
    bare = grounds.first_runs("pool", lambda folder: worlds.write_make(folder, empty))
    return Case(
        "first run, 1000 independent stages",
        [
            _first("outdo", [outdo(), "run"], grounds, lambda folder: worlds.write_outdo(folder, world)),
            Contender("pool of 2 threads", [sys.executable, pool, str(len(world.steps))], bare),
            *_optional(
                "make",
                lambda at: _first("make", [at, "-sj2"], grounds, lambda f: worlds.write_make(f, world)),
            ),
            *_optional(
                "ninja", lambda at: _first("ninja", [at], grounds, lambda f: worlds.write_ninja(f, world))
            ),
        ],
        [beside("outdo", "pool of 2 threads", "cpu", 3), beside("outdo", "pool of 2 threads", "wall", 3)],
    )


def chain_200(grounds: Grounds) -> Case:
    """The first run of a chain of 200."""
    world = worlds.chain(200)
    slow = Contender(
        "dvc",
        [peer("dvc"), "repro", "-q"],
        grounds.first_runs("chain-dvc", lambda folder: worlds.write_dvc(folder, world, done=False)),
        grounds.dvc_env,
        once=True,
    )
    return Case(
        "first run, chain of 200",
        [
            _first("outdo", [outdo(), "run"], grounds, lambda folder: worlds.write_outdo(folder, world)),
            *_optional(
                "make", lambda at: _first("make", [at, "-s"], grounds, lambda f: worlds.write_make(f, world))
            ),
            *_optional(
                "ninja", lambda at: _first("ninja", [at], grounds, lambda f: worlds.write_ninja(f, world))
            ),
            *([slow] if grounds.full else []),
        ],
        [
            beside("outdo", "make", "cpu", 3),
            beside("outdo", "make", "wall", 3),
            beside("outdo", "dvc", "cpu", 0.05),
        ],
    )


def plan_10000(grounds: Grounds) -> Case:
    """Plans of up to 10,000 stages: read from the file, from the cache, and by the planner alone."""
    counts = (1, 1000, 2000, 5000, 10_000)
    contenders: list[Contender] = []
    for count in counts:
        world = worlds.diamonds(count)
        make = lambda folder, world=world: worlds.write_outdo(folder, world)  # noqa: E731
        words = [outdo(), "run", "--dry"]
        read = grounds.first_runs(f"plan-{count}", make)
        kept = grounds.later_runs(f"planned-{count}", make, words)
        plan = [sys.executable, "-m", "benchmarks.planner", str(count)]
        contenders += [
            Contender(f"--dry of {count}, file read", words, read),
            Contender(f"--dry of {count}", words, kept),
            Contender(f"planner alone, {count}", plan, lambda: os.path.dirname(os.path.dirname(__file__))),
        ]
    names = ("--dry of {}, file read", "--dry of {}", "planner alone, {}")
    bars = [_linear(name, unit) for name in names for unit in ("cpu", "peak")]
    return Case("plan of 10,000 stages", contenders, bars, rounds=3)


def memory(grounds: Grounds) -> Case:
    """100,000 files in a dependency, and as many in an output."""

    def make(folder: str) -> str:
        worlds.write_outdo(folder, World(()))
        worlds.folder_of_files(os.path.join(folder, "data"), 100_000)
        text = (
            "stages:\n"
            "  count:\n    cmd: find data -type f | wc -l > count\n    deps: [data]\n    outs: [count]\n"
            "  copy:\n    cmd: cp -r data copied\n    deps: [data]\n    outs: [copied]\n"
        )
        with open(os.path.join(folder, "dvc.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        return folder

    folder = make(grounds.new("files"))
    here = lambda: folder  # noqa: E731
    return Case(
        "100,000 tracked files, and 100,000 more as an output",
        [
            Contender("outdo, first run", [outdo(), "run"], here, once=True),
            Contender("outdo, no-op run", [outdo(), "run"], here, says="nothing to do"),
            Contender("outdo status", [outdo(), "status"], here),
            Contender("find", ["find", "data", "copied", "-size", "+9k"], here),
        ],
        [within(name, "peak", 250e6) for name in ("outdo, no-op run", "outdo status")],
        rounds=3,
    )


def compare(grounds: Grounds) -> Case:
    """In what the workspace differs from the last commit but one."""
    ours = grounds.later_runs("compare-outdo", experiments.write_outdo, [outdo(), "diff", "HEAD~1"])
    theirs = grounds.later_runs("compare-dvc", experiments.write_dvc)
    return Case(
        "compare with a commit",
        [
            Contender("outdo diff", [outdo(), "diff", "HEAD~1"], ours, says="0.1 → 0.2"),
            Contender("outdo metrics", [outdo(), "metrics", "HEAD~1"], ours, says="0.1 → 0.2"),
            Contender(
                "dvc metrics diff",
                [peer("dvc"), "metrics", "diff", "HEAD~1"],
                theirs,
                grounds.dvc_env,
                says="0.1",
            ),
        ],
        [
            beside("outdo diff", "dvc metrics diff", "cpu", 0.1),
            beside("outdo metrics", "dvc metrics diff", "cpu", 0.1),
        ],
    )


def log_100(grounds: Grounds) -> Case:
    """A hundred experiments in a table."""
    words = [outdo(), "log", "--limit", "0"]
    ours = grounds.later_runs("log-outdo", experiments.write_outdo_experiments, words)
    theirs = grounds.later_runs("log-dvc", experiments.write_dvc_experiments)
    return Case(
        f"list {experiments.COUNT} experiments",
        [
            Contender("outdo log", words, ours, says="0.101"),
            Contender("dvc exp show", [peer("dvc"), "exp", "show"], theirs, grounds.dvc_env, says="0.101"),
        ],
        [beside("outdo log", "dvc exp show", "cpu", 0.1)],
    )


CASES: dict[str, Callable[[Grounds], Case]] = {
    "version": version,
    "noop-5": noop_5,
    "noop-200": noop_200,
    "noop-1000": noop_1000,
    "first-1000": first_1000,
    "chain-200": chain_200,
    "plan-10000": plan_10000,
    "memory": memory,
}

EXPERIMENTS: dict[str, Callable[[Grounds], Case]] = {"compare": compare, "log-100": log_100}


def _noop(grounds: Grounds, world: World) -> list[Contender]:
    ours = grounds.later_runs(
        "noop-outdo", lambda folder: worlds.write_outdo(folder, world), [outdo(), "run"]
    )
    theirs = grounds.later_runs("noop-dvc", lambda folder: worlds.write_dvc(folder, world, done=True))
    assert worlds.dvc_is_clean(theirs())
    found = [
        Contender("outdo", [outdo(), "run"], ours, says="nothing to do"),
        Contender(
            "dvc", [peer("dvc"), "repro"], theirs, grounds.dvc_env, says="Data and pipelines are up to date."
        ),
    ]
    for name, write in (("make", worlds.write_make), ("ninja", worlds.write_ninja)):
        found += _optional(
            name,
            lambda at, name=name, write=write: Contender(  # type: ignore[misc]
                name, [at], grounds.later_runs(f"noop-{name}", lambda folder: write(folder, world), [at])
            ),
        )
    return found


def _first(name: str, words: Sequence[str], grounds: Grounds, make: Callable[[str], str]) -> Contender:
    return Contender(name, words, grounds.first_runs(f"first-{name}", make))


def _optional(name: str, make: Callable[[str], Contender]) -> list[Contender]:
    """A contender whose program is there; the tables say who took part."""
    try:
        return [make(peer(name))]
    except Missing as error:
        print(f"without {name}: {error}", file=sys.stderr)
        return []


def _linear(name: str, unit: Unit) -> Bar:
    """What 10,000 stages cost beside 5,000, each without the start: 2 if all is linear, 4 if it is quadratic."""

    def figure(samples: Samples) -> Spread:
        start, half, whole = (
            spread(of(samples[name.format(count)], unit)).middle for count in (1, 5000, 10_000)
        )
        grown = (whole - start) / (half - start)
        return Spread(grown, grown, grown)

    what = name.format("n").removesuffix(", n")
    return Bar(f"{what}: {UNITS[unit]} of 10,000 ≤ 2.5 × that of 5,000", figure, 2.5, times)
