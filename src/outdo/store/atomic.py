"""A small file written whole or not at all."""

import os

from outdo.store.files import drop, unwritable


def write_atomic(path: str, content: bytes, *, durable: bool = False) -> None:
    """The file at `path` holds `content`; a reader, or a kill, at any moment sees the old bytes or the new ones.

    With `durable` it survives a loss of power too. Raises `StoreUnwritable`, and then the old file is still there.
    """
    temporary = f"{path}.{os.urandom(6).hex()}.tmp"
    try:
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(fd, rest) :]
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
        if durable:
            _flush_folder(os.path.dirname(path))
    except OSError as error:
        drop(temporary)
        raise unwritable(error, path) from error
    except BaseException:
        drop(temporary)
        raise


def _flush_folder(path: str) -> None:
    fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
