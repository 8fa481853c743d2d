"""A claim that other processes see: a lock on a file, which the kernel gives back when its process ends."""

import fcntl
import os


class ClaimFile:
    """The claim on what `path` stands for. Where files can't be locked or written there, it is always had: to compute
    something twice is a waste, and no mistake."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def take(self) -> bool:
        """Whether this process has the claim now."""
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            while self._fd < 0:
                fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
                if not _locked(fd):
                    os.close(fd)
                    return False
                if _is_at(fd, self._path):
                    os.pwrite(fd, str(os.getpid()).encode(), 0)
                    self._fd = fd
                else:  # whoever had it has just removed it
                    os.close(fd)
        except OSError:
            pass
        return True

    def free(self) -> None:
        """Another process may have it."""
        if self._fd >= 0:
            try:
                os.unlink(self._path)
            except OSError:
                pass
            os.close(self._fd)
            self._fd = -1


def holder(path: str) -> int | None:
    """The process that has the claim; 0 where it is not known which, and None where none has it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _locked(fd):
            return None
        told = os.pread(fd, 20, 0)
        return int(told) if told.isdigit() else 0
    except OSError:
        return None
    finally:
        os.close(fd)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False
