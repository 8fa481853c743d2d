"""Every word of `dvc.yaml` means the same to both: what Outdo ran is told to the byte as DVC would have told it."""

from pathlib import Path

import pytest

from outdo.integrations.dvc.lockfile import DvcLock
from tests.contracts.real_dvc import dvc, outdo, run

pytestmark = pytest.mark.slow

PIPELINE = r"""
vars:
- conf/extra.json
- conf/more.yaml:deep,names
- {local: 7, flags: {lr: 0.1, verbose: true, off: false, layers: [1, 2]}}
stages:
  one:
    cmd: echo ${local} ${deep.x} ${names[0]} ${a} > one.txt
    params:
    - lr
    - train.depth
    - conf/p.py: [LR, Net.size]
    - conf/t.toml: [tool.x]
    - conf/whole.json:
    outs: [one.txt: {desc: the first, type: text, labels: [a, b], meta: {k: v}}]
    desc: a stage
    meta: {owner: me}
  opts:
    cmd: |
      echo ${flags} > opts.txt
      # a comment

      echo "\${HOME} ${nothing}" >> opts.txt
    deps: [./one.txt, conf/]
    outs: [opts.txt]
  local:
    vars: [{only: here}, conf/more.yaml:other]
    cmd: echo ${only} ${other} > local.txt
    outs: [local.txt]
  each:
    foreach: ${items}
    do: {cmd: "cp one.txt e-${item}.txt", deps: [one.txt], outs: ["e-${item}.txt"]}
  mapped:
    foreach: {x: {v: 1}, y: {v: 2}}
    do: {cmd: "echo ${key} ${item.v} > m-${key}.txt", outs: ["m-${key}.txt"]}
  listed:
    foreach: [{v: 1}, {v: 2}]
    do: {cmd: "echo ${item.v} > l-${item.v}.txt", outs: ["l-${item.v}.txt"]}
  grid:
    matrix: {m: [a, true], d: [{k: 1}, {k: 2}], f: [0.1]}
    cmd: echo ${key} ${item.m} ${item.d.k} ${item.f} > g-${item.m}-${item.d.k}.txt
    outs: ["g-${item.m}-${item.d.k}.txt"]
  scores:
    wdir: sub
    cmd:
    - echo '{"auc":0.5}' > m.json
    - printf 'a,b\n1,2\n' > p.csv
    - mkdir -p plots && printf '{"x":[{"a":1}]}' > plots/q.json
    deps: [../one.txt, ../opts.txt]
    metrics: [m.json: {cache: false}]
    plots:
    - p.csv: {cache: false, x: a, y: b, template: linear, title: T, x_label: X, y_label: Y, header: true}
    - plots/
  always: {cmd: echo now > now.txt, always_changed: true, outs: [now.txt: {persist: true, cache: false}]}
metrics: [sub/m.json]
params: [conf/t.toml]
plots:
- sub/p.csv: {x: a, y: b}
- both: {x: a, y: {sub/p.csv: [b]}, title: Both}
artifacts:
  model: {path: one.txt, type: model, desc: d, labels: [x], meta: {a: 1}}
"""
FILES = {
    "dvc.yaml": PIPELINE,
    "params.yaml": "lr: 1.0e-4\nnothing: null\na: é\ntrain: {depth: 3}\nitems: [a, 1, 0.5, true, null]\n",
    "conf/extra.json": '{"j": {"k": 1}}',
    "conf/more.yaml": "deep: {x: 9}\nnames: [n]\nother: o\n",
    "conf/p.py": "LR = 0.1\nclass Net:\n    size = (1, 2)\n    def __init__(self):\n        self.z = 4\n",
    "conf/t.toml": '[tool]\nx = "d"\n',
    "conf/whole.json": '{"w": 1, "v": [1, {"q": null}]}',
    "sub/keep": "",
}


def fresh(folder: Path) -> Path:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    run(folder, "git", "init", "-q")
    dvc(folder, "init", "-q")
    return folder


def results(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder)) for path in (folder / ".dvc/cache/runs").rglob("*") if path.is_file()
    )


def test_both_tell_the_same_of_every_word(tmp_path: Path) -> None:
    ours, theirs = fresh(tmp_path / "ours"), fresh(tmp_path / "theirs")
    outdo(ours, "run")
    dvc(theirs, "repro", "-q")
    known = [DvcLock((folder / "dvc.lock").read_text()).stages for folder in (ours, theirs)]
    assert known[0] == known[1]
    assert results(ours) == results(theirs)
    assert dvc(ours, "status").split() == ["always:", "always", "changed"]
    assert "1 to run, 17 fresh" in outdo(theirs, "status")
