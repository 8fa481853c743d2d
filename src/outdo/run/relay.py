"""A way out of a sandbox without a network, to the line that stages log on, and to nothing else.

Run as a program before the stage's command: it listens on the line's port of the sandbox's own loopback, hands what
comes in to the socket at a path, and becomes the command.
"""

import os
import socket
import sys
import threading

_PIECE = 1 << 16


def main() -> None:
    """`relay.py PORT PATH COMMAND…`"""
    port, path, *command = sys.argv[1:]
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(1024)
    if os.fork() == 0:
        if os.fork() == 0:  # twice, so that it is no child of the command
            _relay(listener, path)
        os._exit(0)
    os.wait()
    listener.close()
    os.execvp(command[0], command)  # noqa: S606


def _relay(listener: socket.socket, path: str) -> None:
    os.setsid()
    while True:
        inside, _ = listener.accept()
        inside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        outside = socket.socket(socket.AF_UNIX)
        try:
            outside.connect(path)
        except OSError:
            inside.close()
            continue
        for source, target in ((inside, outside), (outside, inside)):
            threading.Thread(target=_pass, args=(source, target), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(_PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            end.close()


if __name__ == "__main__":
    main()
