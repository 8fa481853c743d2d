"""Calls one function of a project with rows drawn again and again, and answers with its numbers.

It is started by its file's name, by the interpreter of the project's environment, and so imports nothing of ours.
"""

from __future__ import annotations

import importlib.util
import os
import struct
import sys
from typing import Any, BinaryIO

HEAD = struct.Struct("<QQ")
"""How many weightings, of how many rows; then the weights, 4 bytes each."""


def main(file: str, name: str, rows: str, asked: int, told: int) -> None:
    """Answers weightings that come through a pipe, each with one number a weighting, until there are no more."""
    import numpy as np

    sys.path[:1] = [os.path.dirname(os.path.abspath(file)), os.getcwd()]
    with os.fdopen(asked, "rb") as questions, os.fdopen(told, "wb") as answers:
        try:
            spec: Any = importlib.util.spec_from_file_location("metrics_of_the_project", file)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            metric = getattr(module, name)
            held = np.load(rows)  # without pickles, as it is by itself
            while head := questions.read(HEAD.size):
                many, count = HEAD.unpack(head)
                weights = np.frombuffer(questions.read(4 * many * count), np.int32).reshape(many, count)
                reply(answers, values(metric, held["label"], held["score"], weights).tobytes())
        except Exception as error:
            said = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:300]}".encode()
            answers.write(b"!" + struct.pack("<Q", len(said)) + said)


def reply(answers: BinaryIO, content: bytes) -> None:
    answers.write(b"=" + struct.pack("<Q", len(content)) + content)
    answers.flush()


def values(metric: Any, label: Any, score: Any, weights: Any) -> Any:
    """One number for each weighting: of the rows, each as often as it was drawn."""
    import numpy as np

    found = np.empty(len(weights))
    for place, one in enumerate(weights):
        if (one == 1).all():
            found[place] = metric(label, score)
        else:
            drawn = np.repeat(np.arange(len(one)), one)
            found[place] = metric(label[drawn], score[drawn])
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
