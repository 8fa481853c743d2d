"""The house: each room imports only from rooms above it, inside functions too, and there is no cycle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
ROOMS = ["core", "store", "run", "serve", "integrations", "app", "server", "cli"]
ALLOWED = {"integrations": {"core", "store"}, "cli": {"core", "app", "store", "server"}}
PURE = {
    "os",
    "subprocess",
    "socket",
    "time",
    "random",
    "logging",
    "pathlib",
    "shutil",
    "tempfile",
    "threading",
    "secrets",
}
HOT = ["outdo", "outdo.cli.main", "outdo.cli.fresh"]
HEAVY = {
    "sqlalchemy",
    "alembic",
    "numpy",
    "scipy",
    "duckdb",
    "starlette",
    "rich",
    "yaml",
    "click",
    "sqlite3",
    "subprocess",
}


def modules() -> dict[str, ast.Module]:
    return {
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text()
        )
        for path in SOURCE.rglob("*.py")
    }


MODULES = modules()


def imports(module: ast.AST) -> Iterator[str]:
    """Names of all that a module imports, wherever in it; `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def late(module: ast.AST) -> Iterator[str]:
    """Names of what a module loads by `lazy("…")`; for a computed name the part that is fixed."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy":
            word = node.args[0]
            while isinstance(word, ast.JoinedStr):
                word = word.values[0]
            assert isinstance(word, ast.Constant), "lazy() wants a name that can be read here"
            yield str(word.value).rstrip(".")


def room(name: str) -> str:
    return name.split(".")[1] if name.startswith("outdo.") else ""


def test_each_room_imports_only_from_the_rooms_it_may() -> None:
    for name, module in MODULES.items():
        own = room(name)
        allowed = ALLOWED.get(own, set(ROOMS[: ROOMS.index(own)])) | {own} if own in ROOMS else set(ROOMS)
        used = {room(target) for target in (*imports(module), *late(module)) if target.startswith("outdo.")}
        assert used <= allowed, f"{name} reaches into {used - allowed}"


def test_nobody_inside_imports_the_front_door() -> None:
    for name, module in MODULES.items():
        assert name == "outdo" or "outdo" not in set(imports(module)), name


def test_there_is_no_cycle() -> None:
    edges = {name: {t for t in imports(module) if t in MODULES} - {name} for name, module in MODULES.items()}
    TopologicalSorter(edges).prepare()


def test_own_modules_are_imported_at_the_top() -> None:
    for name, module in MODULES.items():
        inside = [
            node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        late_ones = {
            target for function in inside for target in imports(function) if target.startswith("outdo")
        }
        assert not late_ones, f"{name} imports {late_ones} inside a function"


def test_the_core_is_pure() -> None:
    for name, module in MODULES.items():
        if room(name) == "core":
            used = {target.split(".")[0] for target in imports(module)} & PURE
            assert not used, f"{name} uses {used}"


def test_a_run_with_nothing_to_do_loads_nothing_heavy() -> None:
    seen: set[str] = set()
    todo = list(HOT)
    while todo:
        name = todo.pop()
        if name in MODULES and name not in seen:
            seen.add(name)
            top = ast.Module(
                [n for n in MODULES[name].body if isinstance(n, ast.Import | ast.ImportFrom)], []
            )
            for target in imports(top):
                assert target.split(".")[0] not in HEAVY, f"{name} loads {target}"
                todo.append(target)
