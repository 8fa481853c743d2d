"""Why outputs may differ: plain rules over what is known of a stage, each worded as a guess."""

from typing import Any

import pytest

from outdo.core.causes import Traits, causes, environment_changes

THEN: dict[str, Any] = {
    "python": {"version": "3.11.7", "implementation": "CPython", "distributions": {"numpy": "2.1.0", "click": "8.1"}},
    "cpu": {"model": "AMD", "usable": 8},
    "platform": {"distribution": "Debian 12", "libc": "glibc 2.36", "machine": "x86_64"},
    "gpus": [],
}  # fmt: skip
SEEDED = "import numpy as np\nrng = np.random.default_rng(0)"


def now(**changes: Any) -> dict[str, Any]:
    return {**THEN, **changes}


def python(version: str = "3.11.7", **distributions: str) -> dict[str, Any]:
    installed = {"numpy": "2.1.0", "click": "8.1", **distributions}
    return {"version": version, "implementation": "CPython", "distributions": installed}


def sorts(traits: Traits, after: Any = THEN, before: Any = THEN) -> list[str]:
    return [cause.sort for cause in causes(traits, before, after)]


def stage(text: str = "", **more: Any) -> Traits:
    return Traits("train", texts={"train.py": text}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("import random\nx = random.random()", "seed"),
        ("from sklearn.ensemble import RandomForestClassifier", "seed"),
        ("np.random.shuffle(rows)", "seed"),
        ("import torch", "seed"),
        ("stamp = datetime.now()", "time"),
        ("t = time.time()", "time"),
        ("requests.get(url)", "network"),
        ("pd.read_csv('https://example.com/a.csv')", "network"),
        ("for name in os.listdir('data'):", "order"),
        ("for word in set(words):", "order"),
        ("print(1)", "unknown"),
    ],
)
def test_code_gives_hints(text: str, sort: str) -> None:
    assert sorts(stage(text)) == [sort]


@pytest.mark.parametrize(
    "text",
    [
        SEEDED,
        "RandomForestClassifier(random_state=7)",
        "torch.manual_seed(1)",
        "for name in sorted(os.listdir('data')):",
    ],
)
def test_a_seed_or_an_order_that_is_said_is_no_hint(text: str) -> None:
    assert sorts(stage(text)) == ["unknown"]


def test_a_seed_may_stand_among_the_params() -> None:
    assert sorts(stage("import sklearn", params={"train.seed": 7})) == ["unknown"]


def test_a_command_is_code_too() -> None:
    assert sorts(Traits("a", ("curl -o data.csv example.com; date > when",))) == ["time", "network"]  # type: ignore[arg-type]


def test_what_is_installed_comes_with_the_imported_first() -> None:
    found = causes(stage(SEEDED), THEN, now(python=python("3.12.0", click="8.2", numpy="2.2.0")))
    assert (
        found[0].what
        == "it may be what is installed: numpy 2.1.0 → 2.2.0, python 3.11.7 → 3.12.0, click 8.1 → 8.2"
    )
    assert [cause.sort for cause in found] == ["environment", "unpinned"]


def test_a_lock_is_not_said_to_be_missing_where_there_is_one() -> None:
    assert sorts(stage(SEEDED, pinned=True), now(python=python(numpy="2.2.0"))) == ["environment"]


def test_what_is_not_on_record_may_have_been_otherwise() -> None:
    assert sorts(stage(SEEDED), before=None) == ["environment", "unpinned"]


def test_the_machine_counts_where_it_is_another() -> None:
    other = now(cpu={"model": "Intel", "usable": 2})
    assert sorts(stage(SEEDED), other) == ["threads", "machine"]
    assert sorts(stage(SEEDED, env={"OMP_NUM_THREADS": "1"}), other) == ["machine"]


def test_a_gpu_counts_where_the_code_may_use_it() -> None:
    card = now(gpus=[{"model": "A100"}])
    assert sorts(stage("torch.manual_seed(0)"), card, card) == ["gpu"]
    assert sorts(stage("print(1)"), card, card) == ["unknown"]


def test_what_a_stage_says_of_itself_comes_first() -> None:
    found = sorts(
        stage(
            "import random",
            always_changed=True,
            persist=True,
            changed=("params lr 1 → 2",),
            warnings=("it reads 'b.csv' without declaring it", "slow"),
        )
    )
    assert found == ["inputs", "undeclared", "persist", "always", "seed"]


def test_environments_are_compared_by_what_matters() -> None:
    changes = environment_changes(THEN, now(python=python(numpy="2.2.0", new="1"), memory=1))
    assert [(one.name, one.kind) for one in changes] == [
        ("distribution numpy", "changed"),
        ("distribution new", "added"),
    ]
    assert environment_changes(None, THEN) == ()
    assert environment_changes(THEN, THEN) == ()
