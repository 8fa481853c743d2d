"""Which commands need no shell."""

import pytest

from outdo.run.direct import direct


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python src/train.py --rate 0.1", ["python", "src/train.py", "--rate", "0.1"]),
        ("cp  a.csv   b.csv ", ["cp", "a.csv", "b.csv"]),
        ("./run.sh name=x", ["./run.sh", "name=x"]),
    ],
)
def test_a_plain_command_is_split_at_spaces(command: str, words: list[str]) -> None:
    assert direct(command) == words


@pytest.mark.parametrize(
    "command",
    [
        "python a.py > out", "cat *.csv", "echo hi", "cd src", "A=1 python a.py", "python a.py; ls", "a | b", "a && b",
        "python 'a b.py'", "ls ~/data", "echo $HOME", "python a.py # now", "a &", "if true", "", " ", "a\tb", "a\nb",
        "ls {a,b}", "-x", "[ -e x ]", "ls a?c", "test -e x", "python `which x`", "a \\\nb", "ls !x", "größe x",
    ],
)  # fmt: skip
def test_anything_a_shell_might_read_otherwise_is_left_to_it(command: str) -> None:
    assert direct(command) is None
