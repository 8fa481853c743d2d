"""The pure planner alone, without a disk: `python -m benchmarks.planner COUNT` plans COUNT stacked diamonds twice,
once as if all had run and once as if none had."""

import sys

from benchmarks.worlds import diamonds
from outdo.core.digest import digest_bytes, stage_key
from outdo.core.graph import build
from outdo.core.model import Entry, Output, Record, Stage, StageName
from outdo.core.plan import Facts, Request, needed, plan, select


def main(count: int) -> None:
    world = diamonds(count)
    stages = [Stage(StageName(s.name), (s.cmd,), deps=s.deps, outs=(Output(s.out),)) for s in world.steps]
    graph = build(stages)
    held = {**world.files, **{step.out: step.holds for step in world.steps}}
    paths, _ = needed(graph, select(graph, Request()))
    entries = {path: Entry(digest_bytes(held[path].encode()), len(held[path])) for path in paths}
    lock = {}
    for stage in stages:
        deps = {dep: entries[dep] for dep in stage.deps}
        outs = {out.path: entries[out.path] for out in stage.outs}
        lock[stage.name] = Record(stage_key(stage, deps, {}), stage.cmd, deps, outs=outs)
    fresh = plan(graph, Facts(entries, {}, lock, lambda *_: None, lambda _: False))
    assert all(action.verb == "keep" for action in fresh.actions)
    sources = {path: entries[path] for path in world.files}
    new = plan(graph, Facts(sources, {}, {}, lambda *_: None, lambda _: False))
    assert all(action.verb in ("run", "wait") for action in new.actions)


if __name__ == "__main__":
    main(int(sys.argv[1]))
