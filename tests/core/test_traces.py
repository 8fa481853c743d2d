"""Traces: what a script reads and writes is read off its text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.traces import Script, Use, commands, read_command, read_python


def told(text: str, path: str = "src/train.py") -> Script:
    script = read_python(text, path)
    assert script is not None
    return script


def used(text: str, use: Use, path: str = "src/train.py") -> list[str]:
    return [trace.path for trace in told(text, path).traces if trace.use == use]


@pytest.mark.parametrize(
    "line",
    [
        'pd.read_csv("data/a.csv")',
        'pl.scan_parquet("data/a.csv")',
        'pd.read_csv(filepath_or_buffer="data/a.csv")',
        'np.load("data/a.csv")',
        'joblib.load("data/a.csv")',
        'open("data/a.csv")',
        'open("data/a.csv", "rb")',
        'gzip.open("data/a.csv", "rt")',
        'Path("data/a.csv").open()',
        'Path("data/a.csv").open("r")',
        'Path("data", "a.csv").read_text()',
        '(Path("data") / "a.csv").read_bytes()',
        'pd.read_csv(os.path.join("data", "a.csv"))',
        'FOLDER = "data"\npd.read_csv(f"{FOLDER}/a.csv")',
        'pd.read_csv(FOLDER + "/a.csv")\nFOLDER = "data"',
        'for name in ["a"]:\n    pd.read_csv(f"data/{name}.csv")',
        '[pd.read_csv(f"data/{name}.csv") for name in ["a"]]',
        'for name, part in (("a", 1),):\n    pd.read_csv(f"data/{name}.csv")',
        'for name, part in {"a": 1}.items():\n    pd.read_csv(f"data/{name}.csv")',
        'PATHS = {"raw": "data/a.csv"}\npd.read_csv(PATHS["raw"])',
        'class Config:\n    raw = "data/a.csv"\npd.read_csv(Config.raw)',
        'def load(path="data/a.csv"):\n    return pd.read_csv(path)',
        'parser.add_argument("--raw", default="data/a.csv")\npd.read_csv(args.raw)',
        'ROOT = Path(__file__).resolve().parent.parent\npd.read_csv(ROOT / "data" / "a.csv")',
        'pd.read_csv(Path(__file__).parents[1] / "data/a.csv")',
        'shutil.copy("data/a.csv", "data/b.csv")',
    ],
)
def test_a_read_is_found(line: str) -> None:
    assert used(line, "read") == ["data/a.csv"]


@pytest.mark.parametrize(
    "line",
    [
        'frame.to_csv("out/b.csv", index=False)',
        'frame.to_parquet(path="out/b.csv")',
        'joblib.dump(model, "out/b.csv")',
        'torch.save(model.state_dict(), "out/b.csv")',
        'plt.savefig("out/b.csv")',
        'open("out/b.csv", "w")',
        'open("out/b.csv", mode="ab")',
        'with open("out/b.csv", "w") as file:\n    json.dump(metrics, file)',
        'Path("out/b.csv").write_text("a.txt")',
        'Path("out/b.csv").open("w")',
        '(OUT / "b.csv").write_bytes(content)\nOUT = Path("out")',
        'shutil.move("a", "out/b.csv")',
    ],
)
def test_a_write_is_found(line: str) -> None:
    assert used(line, "write") == ["out/b.csv"]


@pytest.mark.parametrize(
    "line",
    [
        'requests.get("https://x.example/a.csv")',
        'print("see a.csv")',
        'os.makedirs("a/b")',
        "open(path)",
        'x["a.csv"]',
    ],
)
def test_what_is_no_use_of_a_file_is_not(line: str) -> None:
    assert told(line).traces == ()


def test_a_glob_is_read() -> None:
    assert used('Path("data").glob("*.csv")', "read") == ["data/*.csv"]
    assert used('glob.glob("data/*.csv")', "read") == ["data/*.csv"]


def test_a_trace_tells_the_call_and_the_line() -> None:
    (trace,) = told('\nframe.to_csv("b.csv")').traces
    assert (trace.call, trace.line) == ("to_csv", 2)


@pytest.mark.parametrize("text", ["import b.c", "from b.c import d", "from b import c"])
def test_its_modules_are_told(text: str) -> None:
    assert {"b.c", "b.c.d"} & set(told(text).modules)


def test_the_keys_it_uses_are_told() -> None:
    assert {"train", "lr", "seed"} <= told('a = params["train"]["lr"]; b = params.get("seed")').keys


@pytest.mark.parametrize(
    "text", ['if __name__ == "__main__":\n    main()', "main()", "df = load()", "for x in y:\n    pass"]
)
def test_a_script_acts(text: str) -> None:
    assert told(text).acts


@pytest.mark.parametrize(
    "text", ["", "import os", "def main():\n    run()", "X = 1", 'P = Path("a")', '"""Text."""']
)
def test_a_module_does_not(text: str) -> None:
    assert not told(text).acts


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ('parser.add_argument("data")', True),
        ('parser.add_argument("--data", required=True)', True),
        ('parser.add_argument("--data")', False),
        ('parser.add_argument("data", nargs="?")', False),
    ],
)
def test_arguments_that_must_be_given_are_noticed(line: str, needs: bool) -> None:
    assert told(line).needs == needs


def test_what_it_is_about_is_the_first_sentence() -> None:
    assert told('"""Cleans the\n   data. And more.\n\nLong."""').about == "Cleans the data"


def test_what_is_no_python_tells_nothing() -> None:
    assert read_python("print 'a'", "a.py") is None
    assert read_python("a\0b", "a.py") is None
    assert read_python("(" * 5000, "a.py") is None


def test_deep_expressions_are_survived() -> None:
    read_python("x = " + "+".join(["'a'"] * 3000), "a.py")
    read_python(f"{'f(' * 150}{')' * 150}", "a.py")


def test_warnings_about_a_script_are_not_this_tool_s_to_tell() -> None:
    assert told(r'pattern = "\d"; x = 1 is 1').traces == ()


@given(st.text(alphabet="abf\\()[]{}'\"=.,:+/*% \n", max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    read_python(text, "a.py")
    commands(text)
    read_command(text)


def test_command_lines_are_taken_from_shell_scripts_and_makefiles() -> None:
    text = "#!/bin/sh\npython3 train.py --lr 0.1 \\\n  --out model.pkl\n\t@python src/eval.py\necho python no.py\n"
    assert commands(text) == {
        "train.py": "python3 train.py --lr 0.1 --out model.pkl",
        "src/eval.py": "python src/eval.py",
    }


def test_the_arguments_of_a_command_are_traces() -> None:
    traces = read_command("python train.py --data data/a.csv --out model.pkl --lr 0.1")
    assert [(trace.path, trace.use) for trace in traces] == [("data/a.csv", "named"), ("model.pkl", "write")]
