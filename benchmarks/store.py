"""One act of the store on one path of the folder it is run in: `python store.py look|save PATH`."""

import os
import sys

from outdo.core.model import Entry
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.workspace import Workspace


def main(act: str, path: str) -> Entry:
    root = os.getcwd()
    state = os.path.join(root, ".outdo")
    objects, cache = Objects(state), StatCache(state)
    workspace = Workspace(root, objects, cache)
    entry = workspace.save(path) if act == "save" else workspace.look([path])[path]
    cache.save()
    return entry


if __name__ == "__main__":
    print(main(*sys.argv[1:]).digest)
