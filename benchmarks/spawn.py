"""Starts one command and tells what it took: `python -I -S spawn.py FD WORD…` writes to the file descriptor FD.

A child's peak memory begins with that of the process that started it, so this one is as small as Python can be.
"""

import os
import sys
import time

if __name__ == "__main__":
    told, words = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(told, False)
    began = time.perf_counter()
    pid = os.posix_spawnp(words[0], words, os.environ)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    figures = (os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024)
    os.write(told, " ".join(map(repr, figures)).encode())
