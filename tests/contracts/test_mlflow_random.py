"""Filters, orders and batches that chance makes, sent to Outdo and to a stock MLflow server: the answers are the same.

The same things are logged to both. `OUTDO_EXAMPLES` says how many questions of each kind are asked.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.contracts.served import Reply, Served
from tests.contracts.test_mlflow_same import NOW, both, metric, sorted_tags, tag

pytestmark = pytest.mark.slow

Servers = tuple[Served, Served]
EXAMPLES = int(os.environ.get("OUTDO_EXAMPLES", "40"))
asked_often = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="OUTDO_EXAMPLES" not in os.environ,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with both(tmp_path_factory.mktemp("both")) as running:
        yield running


# ------------------------------------------------------------------ what both know

TEXTS = ("a", "A", "ab", "b", "", "a%b", "a_b", "a'b", "0.1", "1", "é", "É", "None", "x y")
VALUES: tuple[Any, ...] = (0.0, 0.5, 0.5, 1.0, -1.0, 2, "NaN", "Infinity", "-Infinity", 1e-12)
STATES = ("FINISHED", "FAILED", "RUNNING", "KILLED", "SCHEDULED")


def some_runs() -> list[dict[str, Any]]:
    """Runs that differ in what they have, lack and share."""
    made = []
    for at in range(15):
        metrics = [metric("m", VALUES[at % 10], at % 3, NOW + at)] if at % 4 else []
        metrics += [
            metric("n k", VALUES[(at * 3 + one) % 10], one % 2, NOW + one // 2) for one in range(at % 5)
        ]
        params = [tag("p", TEXTS[at % 14])] if at % 3 else []
        params += [tag("p.q", str(at % 2))] if at % 2 else []
        tags = [tag("t", TEXTS[(at * 5) % 14])] if at % 5 else []
        tags += [tag("t u", "x"), tag("mlflow.user", f"u{at % 2}")]
        ended = {"end_time": NOW + 100 - at} if at % 2 else {}
        made.append({"metrics": metrics, "params": params, "tags": tags, **ended, "status": STATES[at % 5]})
    return made


@pytest.fixture(scope="module")
def experiments(servers: Servers) -> tuple[str, str]:
    """The experiment of each server that has the same runs."""
    found = tuple(server.experiment("of chance") for server in servers)
    for server, number in zip(servers, found, strict=True):
        for at, one in enumerate(some_runs()):
            name = f"Run {at}" if at % 2 else f"run {at}"
            id_ = server.run(
                number, run_name=name, start_time=NOW + at, user_id=f"u{at % 2}", tags=one["tags"]
            )
            batch = server.post("runs/log-batch", run_id=id_, metrics=one["metrics"], params=one["params"])
            data = {"name": f"d{at % 3}", "digest": "1", "source_type": "local", "source": "{}"}
            read = {"dataset": data, "tags": [tag("mlflow.data.context", "train" if at % 2 else "test")]}
            inputs = server.post("runs/log-inputs", run_id=id_, datasets=[read])
            ended = {"end_time": one["end_time"]} if "end_time" in one else {}
            change = server.post("runs/update", run_id=id_, status=one["status"], **ended)
            assert [batch.status, inputs.status, change.status] == [200, 200, 200]
    return found  # type: ignore[return-value]


# ------------------------------------------------------------------ the language


def quoted(key: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f"`{key}`", f'"{key}"', *([key] if key.isidentifier() or "." in key else [])])


def in_some_case(word: str) -> st.SearchStrategy[str]:
    return st.sampled_from([word, word, word.lower(), word.title()])


TEXT = st.sampled_from(
    [*(one for one in TEXTS if "'" not in one), "a%", "%", "_", "%B", "r%", "u0", "train", "d1"]
)
STRING = st.one_of(TEXT.map(lambda text: f"'{text}'"), TEXT.map(lambda text: f'"{text}"'))
NUMBER = st.sampled_from(
    ["0", "1", "0.5", "-1", "1.0", "2", ".5", "1e-12", "1E3", "0.50", "-0.0", "100000000000"]
)
TIME = st.sampled_from([str(NOW + at) for at in (0, 3, 7, 14, 95)])
LIST = st.lists(STRING, min_size=1, max_size=3).map(lambda texts: f"({', '.join(texts)})")
SIGN = st.sampled_from(["=", "!=", ">", ">=", "<", "<="])
LIKE = st.one_of(st.sampled_from(["=", "!="]), in_some_case("LIKE"), in_some_case("ILIKE"))
ODD = st.sampled_from(
    ["metrics.m >", "m", "metrics.m > 'x'", "params.p > '1'", "params.p = 1", "what.m = 1", "status = 1"]
)
"""What means nothing."""


def comparison(entity: st.SearchStrategy[str], operator: Any, value: Any) -> st.SearchStrategy[str]:
    space = st.sampled_from([" ", " ", "  "])
    return st.tuples(entity, space, operator, space, value).map("".join)


def of(words: Sequence[str], keys: Sequence[str]) -> st.SearchStrategy[str]:
    """Names of what is meant, as `params.p` or `parameter."p"`."""
    key = st.sampled_from(keys).flatmap(quoted)
    return st.tuples(st.sampled_from(words), key).map(lambda both: f"{both[0]}.{both[1]}")


METRIC = of(("metrics", "metric"), ("m", "n k", "none"))
PARAM = of(("params", "param", "parameter", "parameters"), ("p", "p.q", "none"))
TAG = of(("tags", "tag"), ("t", "t u", "mlflow.user", "none"))
DATASET = of(("dataset", "datasets"), ("name", "digest", "context"))
ATTRIBUTE = st.tuples(
    st.sampled_from(["", "", "attributes.", "attribute.", "attr.", "run."]),
    st.sampled_from(["run_name", "status", "user_id", "artifact_uri"]).flatmap(quoted),
).map("".join)
NAME = st.sampled_from(["`run name`", "`Run name`", '"Run Name"', "attributes.`run name`"])
WHEN = st.sampled_from(
    ["start_time", "attributes.start_time", "created", "Created", "end_time", "attr.end_time"]
)
NULL = st.one_of(in_some_case("IS NULL"), in_some_case("IS NOT NULL"))
COMPARISON = st.one_of(
    comparison(METRIC, SIGN, NUMBER),
    comparison(PARAM, LIKE, STRING),
    comparison(TAG, LIKE, STRING),
    comparison(st.one_of(ATTRIBUTE, NAME), LIKE, STRING),
    comparison(DATASET, LIKE, STRING),
    comparison(DATASET, st.one_of(in_some_case("IN"), in_some_case("NOT IN")), LIST),
    comparison(WHEN, SIGN, TIME),
    comparison(st.one_of(PARAM, TAG), NULL, st.just("")),
)
ALL = st.lists(COMPARISON, min_size=1, max_size=3)
FILTER = st.one_of(
    *[ALL.map(" AND ".join), ALL.map(" and ".join), st.just("")] * 2,
    st.tuples(COMPARISON, ODD).map(" AND ".join),
)
DIRECTION = st.sampled_from(["", " ASC", " DESC", " asc", " desc"])
STAMP = st.sampled_from(
    ["start_time", "end_time", "attributes.end_time", "run.start_time", "Created", "status", "user_id"]
)
KEY = st.tuples(st.one_of(METRIC, METRIC, PARAM, TAG, STAMP), DIRECTION).map("".join)
NO_KEY = st.sampled_from(
    ["metrics.m SIDEWAYS", "what", "what.m", "", "metrics", "m DESC ASC", "metrics.m, metrics.n"]
)
ORDER = st.one_of(*[st.lists(KEY, max_size=3)] * 6, st.lists(st.one_of(KEY, NO_KEY), min_size=1, max_size=2))


# ------------------------------------------------------------------ the questions


def names(server: Served, number: str, asked: dict[str, Any]) -> list[str] | int:
    """The names of all runs of a search, page by page; of a refusal its status."""
    found: list[str] = []
    token = ""
    for _ in range(20):
        reply: Reply = server.post("runs/search", experiment_ids=[number], **asked, page_token=token)
        if reply.status != 200:
            return min(reply.status, 400) if reply.status < 500 else 400  # a user's mistake is no 500
        found += [run["info"]["run_name"] for run in reply.said.get("runs", [])]
        token = reply.said.get("next_page_token", "")
        if not token:
            return found
    raise AssertionError("pages without end")


@asked_often
@given(text=FILTER, order=ORDER, size=st.sampled_from([1, 4, 1000]))
def test_any_search_finds_the_same_in_the_same_order(
    servers: Servers, experiments: tuple[str, str], text: str, order: list[str], size: int
) -> None:
    asked = {"filter": text, "order_by": order, "max_results": size}
    ours, stock = (names(server, number, asked) for server, number in zip(servers, experiments, strict=True))
    assert ours == stock


# ------------------------------------------------------------------ batches

ODD_POINT = st.sampled_from(
    [
        {"key": "m", "value": 1.0},
        {"value": 1.0, "timestamp": 1},
        {"key": "m", "timestamp": 1},
        {"key": "a//b", "value": 1.0, "timestamp": 1},
        {"key": "../m", "value": 1.0, "timestamp": 1},
        {"key": "k" * 251, "value": 1.0, "timestamp": 1},
        {"key": "m", "value": 1.0, "timestamp": -1},
    ]
)
"""Not among them: a key that ends in a new line, and what is not of its field's form: stock MLflow reads a request
until it comes to that, loses the rest, and answers 200."""
POINT = st.builds(
    metric,
    st.sampled_from(["m", "n k", "é", "a/b"]),
    st.sampled_from([*VALUES, "1.5", "-inf", 10**15, -0.0]),
    st.sampled_from([0, 1, 2, -1, 10**12]),
    st.sampled_from([0, NOW, NOW + 1]),
)
TEXTUAL = st.builds(tag, st.sampled_from(["a", "b", "c d", "e.f/g"]), st.sampled_from([*TEXTS, "v" * 6001]))
ODD_TEXT = st.sampled_from([{"value": "1"}, tag("", "1"), tag("/a", "1"), tag("k" * 251, "1"), {"key": "a"}])


def mostly(
    usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any], most: int
) -> st.SearchStrategy[list[Any]]:
    """Lists of the usual, and now and then one with something odd in it."""
    good = st.lists(usual, max_size=most)
    return st.one_of(good, good, good, st.tuples(good, odd).map(lambda both: [*both[0], both[1]]))


BATCH = st.fixed_dictionaries(
    {
        "metrics": mostly(POINT, ODD_POINT, 6),
        "params": mostly(TEXTUAL, ODD_TEXT, 2),
        "tags": mostly(TEXTUAL, ODD_TEXT, 2),
    }
)


def told(server: Served, batches: list[dict[str, Any]]) -> list[Any]:
    """What became of a run to which these batches were logged."""
    id_ = server.run(run_name="batches", start_time=NOW)
    replies = [server.post("runs/log-batch", run_id=id_, **batch) for batch in batches]
    data = server.get("runs/get", run_id=id_).said["run"]["data"]
    metrics = sorted(data.pop("metrics", []), key=str)
    histories = [
        server.get("metrics/get-history", run_id=id_, metric_key=one["key"]).said["metrics"]
        for one in metrics
    ]
    codes = [(min(reply.status, 400), reply.code if reply.status == 400 else "") for reply in replies]
    return [codes, metrics, sorted_tags(data), [sorted(one, key=str) for one in histories]]


@asked_often
@given(batches=st.lists(BATCH, min_size=1, max_size=3))
def test_any_batches_leave_the_same(servers: Servers, batches: list[dict[str, Any]]) -> None:
    ours, stock = (told(server, batches) for server in servers)
    assert ours == stock


def test_stock_loses_what_comes_behind_a_value_that_it_can_not_read(servers: Servers) -> None:
    batches = [
        {"params": [tag("a", "1")]},
        {"metrics": [metric("m", "nan")], "params": [tag("a", "2"), tag("b", "3")]},
    ]
    ours, stock = (told(server, batches) for server in servers)
    kept = {"params": [tag("a", "1")], "tags": [tag("mlflow.runName", "batches")]}
    assert ours[:3] == [[(200, ""), (400, "INVALID_PARAMETER_VALUE")], [], kept]
    codes, metrics, others, _ = stock
    assert (codes, others) == ([(200, ""), (200, "")], kept)
    # which other fields of the metric it still reads is by chance
    assert [(one["key"], one["value"]) for one in metrics] == [("m", 0.0)]


# ------------------------------------------------------------------ what else is searched

MODEL_NAMES = ("delay", "Delay", "late", "a b", "m%")


@pytest.fixture(scope="module")
def registries(servers: Servers) -> Servers:
    """Both servers with the same registered models, versions, logged models and experiments."""
    for server in servers:
        id_ = server.run()
        number = server.experiment("Chance's models")
        server.post("experiments/set-experiment-tag", experiment_id=number, key="team", value="a")
        for at, name in enumerate(MODEL_NAMES):
            server.post("registered-models/create", name=name, tags=[tag("t", str(at % 2))])
            source = f"runs:/{id_}/m{at}"
            for version in range(at % 3 + 1):
                tags = [tag("v", str(version))] if version else []
                server.post("model-versions/create", name=name, source=source, run_id=id_, tags=tags)
    return servers


UPPER = st.sampled_from(["=", "!=", "LIKE", "ILIKE"])
"""In these searches stock MLflow does not know words of the language in small letters; we do."""
ABOUT_MODELS = st.one_of(
    comparison(st.just("name"), UPPER, STRING),
    comparison(st.just("name"), UPPER, st.sampled_from(["'delay'", "'DELAY'", "'%a%'", "'m\\%'"])),
    comparison(of(("tags", "tag"), ("t", "v", "none")), UPPER, st.sampled_from(["'0'", "'1'", "'%'"])),
    st.sampled_from(
        ["name IN ('delay', 'late')", "name IN ('delay')", "name IN ()", "name > 'a'", "what = '1'", "name"]
    ),
)
ABOUT_VERSIONS = st.one_of(
    ABOUT_MODELS,
    comparison(
        st.just("version_number"),
        SIGN,
        st.sampled_from(["1", "2", "'2'"]),
    ),
    comparison(st.just("source_path"), UPPER, st.sampled_from(["'%m1'", "'runs:%'", "'%M2'"])),
)
ABOUT_EXPERIMENTS = st.one_of(
    comparison(
        st.sampled_from(["name", "attribute.name"]),
        UPPER,
        st.sampled_from(["'%hance%'", "'CHANCE%'", "'Default'"]),
    ),
    comparison(of(("tags", "tag"), ("team", "none")), UPPER, STRING),
    comparison(
        st.sampled_from(["tags.team", "tag.none"]), st.sampled_from(["IS NULL", "IS NOT NULL"]), st.just("")
    ),
    comparison(st.sampled_from(["creation_time", "last_update_time"]), SIGN, TIME),
    st.sampled_from(
        ["experiment_id = '0'", "experiment_id IN ('0', '1')", "what = '1'", "name >", "name = 1"]
    ),
)
SEARCHES = st.one_of(
    st.tuples(
        st.just("registered-models/search"),
        ABOUT_MODELS,
        st.sampled_from([[], ["name"], ["name DESC"], ["what"], ["name", "name"]]),
    ),
    st.tuples(
        st.just("model-versions/search"),
        ABOUT_VERSIONS,
        st.sampled_from(
            [["name"], ["name DESC"], ["version_number DESC"], ["version_number", "name DESC"], ["what"]]
        ),
    ),
    st.tuples(
        st.just("experiments/search"), ABOUT_EXPERIMENTS, st.sampled_from([["name"], ["name DESC"], ["what"]])
    ),
)


def listed(server: Served, call: str, asked: dict[str, Any]) -> list[Any] | int:
    """What a search finds, page by page, without times; of a refusal its status."""
    found: list[Any] = []
    token = ""
    while True:
        reply = server.get(call, **asked, **({"page_token": token} if token else {}))
        if reply.status != 200:
            return 400 if reply.status >= 500 else reply.status
        for kept in reply.said.values():
            found += [(one["name"], one.get("version")) for one in kept] if isinstance(kept, list) else []
        token = reply.said.get("next_page_token", "")
        if not token:
            return found


@asked_often
@given(search=SEARCHES, size=st.sampled_from([1, 2, 100]))
def test_any_search_of_models_versions_and_experiments_finds_the_same(
    registries: Servers, search: tuple[str, str, list[str]], size: int
) -> None:
    call, text, order = search
    ours, stock = (
        listed(server, call, {"filter": text, "order_by": order, "max_results": size})
        for server in registries
    )
    assert ours == stock
