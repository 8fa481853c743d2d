"""One run at a time in a workspace."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from outdo.store.turn import Holder, Turn

HOLD = """
import sys, time
from outdo.store.turn import Turn
with Turn(sys.argv[1], "outdo run", print):
    print("mine", flush=True)
    time.sleep(60)
"""


def test_the_second_waits_and_is_told_for_whom(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    order: list[object] = []
    waits = threading.Event()

    def told(holder: Holder | None) -> None:
        order.append(holder.command if holder else None)
        waits.set()

    def second() -> None:
        with Turn(path, "outdo run b", told):
            order.append("second")

    with Turn(path, "outdo run a", order.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["outdo run a", "first", "second"]


def test_a_killed_holder_leaves_nothing_to_clear(tmp_path: Path) -> None:
    path = str(tmp_path / "turn")
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=-1, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        os.kill(holder.pid, signal.SIGKILL)
    told: list[Holder | None] = []
    with Turn(path, "outdo run", told.append):
        assert told == []
