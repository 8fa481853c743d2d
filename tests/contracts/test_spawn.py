"""Short questions to other programs: all of the answer, however it ends, and no waiting for ever."""

import os
import signal
import sys
import time

import pytest

from outdo.run.spawn import TooLate, ask


def python(code: str, given: bytes = b"", seconds: float = 10) -> tuple[int, bytes, bytes]:
    return ask([sys.executable, "-Sc", code], os.environ, given, seconds)


def test_what_a_program_says_on_both_ways_and_its_code_come_back() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    assert python(code) == (3, b"out\n", b"err\n")


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 1_000_000])
def test_it_is_given_all_there_is_to_give(size: int) -> None:
    given = os.urandom(size)
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert python(code, given) == (0, given, b"")


def test_much_on_both_ways_at_once_does_not_block() -> None:
    code = "import os\nfor _ in range(300): os.write(2, b'e' * 9000); os.write(1, b'o' * 9000)"
    assert python(code) == (0, b"o" * 2_700_000, b"e" * 2_700_000)


def test_one_that_does_not_listen_is_no_matter() -> None:
    assert python("pass", b"x" * 4096) == (0, b"", b"")


def test_the_environment_is_the_one_that_is_given() -> None:
    assert ask(["env"], {"PATH": os.environ["PATH"], "A": "1"}, b"", 10).out.split() == [
        f"PATH={os.environ['PATH']}".encode(),
        b"A=1",
    ]


@pytest.mark.parametrize("given", [b"", b"x" * 10_000])
def test_one_that_takes_too_long_is_ended(given: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(TooLate):
        python("import time; time.sleep(60)", given, seconds=0.3)
    assert time.monotonic() - began < 10


def test_a_signal_is_a_negative_code() -> None:
    assert python("import os; os.kill(os.getpid(), 9)")[0] == -signal.SIGKILL


def test_it_ends_where_nobody_reads_what_it_says_as_any_program_does() -> None:
    """Python itself ignores the signal."""
    ignored = int(ask(["grep", "SigIgn", "/proc/self/status"], os.environ, b"", 10).out.split()[1], 16)
    assert not ignored >> (signal.SIGPIPE - 1) & 1


@pytest.mark.parametrize("given", [b"", b"x" * 10_000])
def test_one_that_is_not_installed_is_told(given: bytes) -> None:
    with pytest.raises(FileNotFoundError):
        ask(["outdo-no-such-program"], os.environ, given, 10)


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    python("print(1)")
    with pytest.raises(FileNotFoundError):
        ask(["outdo-no-such-program"], os.environ, b"", 10)
    with pytest.raises(TooLate):
        python("import time; time.sleep(60)", seconds=0.1)
    assert len(os.listdir("/proc/self/fd")) == before
