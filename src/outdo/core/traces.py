"""What a script reads and writes, as far as its text says. Nothing is run: paths are followed from literals through
names, `/`, `os.path.join`, f-strings, loops over lists and the defaults of arguments, and where a path arrives in
`read_csv`, `to_parquet`, `open(…, "w")` and their like, it is told."""

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, product
from posixpath import dirname, join, splitext
from typing import Literal

from msgspec import Struct

Use = Literal["read", "write", "named"]


class Trace(Struct, frozen=True):
    """A path in a script, and the call that got it."""

    path: str
    use: Use
    """`named`: handed to a call that neither reads nor writes as far as is known."""
    call: str
    line: int


class Script(Struct, frozen=True):
    """What the text of a Python script tells."""

    traces: tuple[Trace, ...] = ()
    modules: tuple[str, ...] = ()
    """All it imports; `from a import b` gives `a` and `a.b`."""
    keys: frozenset[str] = frozenset()
    """Every literal key and attribute, among them those of its parameters."""
    acts: bool = False
    """Does something when run: has a `__main__` guard, or calls at the top."""
    needs: bool = False
    """Has arguments that must be given on the command line."""
    about: str = ""
    """The first sentence of its docstring."""


_MOST = 8
"""Values followed for one name; a loop over more files is not a list of files worth writing down."""

_WRITES = re.compile(
    r"(to_(csv|parquet|json|pickle|feather|excel|hdf|stata|orc|file|html|markdown|latex|zarr|netcdf|disk|npy)"
    r"|write_(csv|parquet|json|ndjson|ipc|table|feather|dataset|delta|image|html|excel|avro|npy)|sink_\w+"
    r"|save|savez|savez_compressed|savetxt|savefig|save_(model|npz|weights|pretrained|file|checkpoint|raw)"
    r"|saveas|imwrite|imsave|dump|dump_svmlight_file|write_text|write_bytes|touch|export_graphviz)"
)
_READS = re.compile(
    r"((read|scan|load)_\w+|load|loadtxt|genfromtxt|fromfile|imread|open_dataset|memmap|from_file|from_pretrained"
    r"|read_text|read_bytes|read|dotenv_values|listdir|scandir|iterdir|glob|rglob|iglob|ImageFolder|DataFrame)"
)
_OPENS = {"open", "File", "ZipFile", "TarFile", "GzipFile", "BZ2File", "open_file"}
_COPIES = {"copy", "copy2", "copyfile", "copytree", "move", "rename", "replace"}
_NO_USE = {
    "join",
    "joinpath",
    "add_argument",
    "option",
    "argument",
    "print",
    "mkdir",
    "makedirs",
    "exists",
    "isfile",
}
_NO_USE |= {"is_file", "isdir", "is_dir", "remove", "unlink", "rmtree", "info", "debug", "warning"}
_OF_A_PATH = {"write_text", "write_bytes", "read_text", "read_bytes", "touch", "iterdir"}
_SAME_PATH = {"resolve", "absolute", "expanduser", "as_posix", "__str__", "format"}
_PATHS = {
    "Path",
    "PurePath",
    "PosixPath",
    "PurePosixPath",
    "str",
    "fspath",
    "abspath",
    "realpath",
    "normpath",
}
_PATH_WORDS = (
    "path",
    "path_or_buf",
    "filepath_or_buffer",
    "fname",
    "filename",
    "file",
    "where",
    "io",
    "source",
    "dst",
)
_MODE = re.compile(r"[rwaxbtU+]{1,4}")


def read_python(text: str, path: str) -> Script | None:
    """What the script at `path` tells, or None where its text is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    try:
        return _told(tree, path)
    except RecursionError:
        return Script(acts=True)


def _told(tree: ast.Module, path: str) -> Script:
    nodes = list(ast.walk(tree))
    values = _Values(path)
    for _ in range(3):  # a name may be used above the line that sets it
        for node in nodes:
            values.learn(node)
    traces = {
        (trace.path, trace.use): trace
        for node in reversed(nodes)
        if isinstance(node, ast.Call)
        for trace in _traces(node, values)
    }
    about = (ast.get_docstring(tree) or "").strip().partition("\n\n")[0]
    return Script(
        traces=tuple(sorted(traces.values(), key=lambda trace: (trace.line, trace.path))),
        modules=tuple(dict.fromkeys(name for node in nodes for name in _modules(node))),
        keys=frozenset(key for node in nodes for key in _keys(node)),
        acts=any(map(_acts, tree.body)),
        needs=any(isinstance(node, ast.Call) and _needed(node) for node in nodes),
        about=" ".join(re.split(r"(?<=[.!?])\s", about)[0].split()).rstrip("."),
    )


class _Values:
    """The texts that names and expressions may stand for."""

    def __init__(self, path: str) -> None:
        self._known: dict[str, dict[str, None]] = {"__file__": {path: None}}

    def learn(self, node: ast.AST) -> None:
        """Takes in what an assignment, a loop, a default or an argument says."""
        match node:
            case ast.Assign(targets=[target], value=value):
                self._set(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._set(target, value)
            case (
                ast.For(target=target, iter=ast.List(elts=items) | ast.Tuple(elts=items))
                | ast.comprehension(target=target, iter=ast.List(elts=items) | ast.Tuple(elts=items))
            ):
                for item in items:
                    self._loop(target, item)
            case ast.For(
                target=ast.Tuple(elts=[ast.Name(id=name), *_]),
                iter=ast.Call(func=ast.Attribute(value=ast.Dict(keys=keys), attr="items")),
            ):
                for key in keys:
                    self._add(name, self.of(key))
            case ast.FunctionDef(args=arguments):
                named = [*arguments.posonlyargs, *arguments.args][
                    -len(arguments.defaults) or len(arguments.args) :
                ]
                for argument, default in zip(named, arguments.defaults, strict=False):
                    self._add(argument.arg, self.of(default))
            case ast.Call(args=[ast.Constant(value=str(flag)), *_], keywords=words):
                self._argument(node, flag, words)

    def of(self, node: ast.expr | None) -> list[str]:
        """All texts that an expression may stand for, as far as can be told; none where it can't."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.Name(id=name):
                return list(self._known.get(name, ()))
            case ast.Attribute(value=inner, attr="parent"):
                return [dirname(text) for text in self.of(inner) if text]
            case ast.Attribute(attr=name):
                return list(self._known.get(f".{name}", ()))
            case ast.Subscript(
                value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(n))
            ):
                return [_up(text, n + 1) for text in self.of(inner)]
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
                return list(self._known.get(f"{name}[{key}]", ()))
            case ast.JoinedStr(values=parts):
                return self._all(parts, "".join)
            case ast.FormattedValue(value=inner, format_spec=None):
                return self.of(inner)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._all([left, right], "".join)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._all([left, right], lambda parts: join(*parts))
            case ast.Call(func=func, args=args):
                return self._call(func, args)
        return []

    def _call(self, func: ast.expr, args: list[ast.expr]) -> list[str]:
        name = _name(func)
        if name in ("join", "joinpath") and isinstance(func, ast.Attribute):
            first = [func.value] if name == "joinpath" else []
            return self._all([*first, *args], lambda parts: join(*parts)) if first or args else []
        if name in _PATHS and args:
            return self._all(args, lambda parts: join(*parts))
        if name == "with_suffix" and isinstance(func, ast.Attribute) and len(args) == 1:
            return self._all([func.value, args[0]], lambda parts: splitext(parts[0])[0] + parts[1])
        if name == "dirname" and len(args) == 1:
            return [dirname(text) for text in self.of(args[0])]
        if name in _SAME_PATH and isinstance(func, ast.Attribute) and not args:
            return self.of(func.value)
        return []

    def _all(self, nodes: Iterable[ast.expr], put: Callable[[tuple[str, ...]], str]) -> list[str]:
        return [put(parts) for parts in islice(product(*map(self.of, nodes)), _MOST)]

    def _loop(self, target: ast.expr, item: ast.expr) -> None:
        match target, item:
            case ast.Name(id=name), _:
                self._add(name, self.of(item))
            case ast.Tuple(elts=targets), ast.Tuple(elts=items):
                for inner, value in zip(targets, items, strict=False):
                    self._loop(inner, value)

    def _set(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Name(id=name), ast.Dict(keys=keys, values=values):
                for key, item in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        self._add(f"{name}[{key.value}]", self.of(item))
            case ast.Name(id=name), _:
                self._add(name, self.of(value))
                self._add(f".{name}", self.of(value))
            case ast.Attribute(attr=name), _:
                self._add(f".{name}", self.of(value))

    def _argument(self, node: ast.Call, flag: str, words: list[ast.keyword]) -> None:
        """`add_argument("--out", default="model.pkl")`, `option(…)`, `argument(…)`."""
        if _name(node.func) not in ("add_argument", "option", "argument"):
            return
        flags = [text for arg in node.args for text in self.of(arg)]
        dest = next((text for text in flags if text.startswith("--")), flag).lstrip("-").replace("-", "_")
        for word in words:
            if word.arg == "default":
                self._add(dest, self.of(word.value))
                self._add(f".{dest}", self.of(word.value))

    def _add(self, name: str, texts: list[str]) -> None:
        known = self._known.setdefault(name, {})
        for text in texts:
            if len(known) < _MOST:
                known[text] = None


def _traces(call: ast.Call, values: _Values) -> Iterator[Trace]:
    name = _name(call.func)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    own = values.of(owner) if owner is not None else []
    args = [values.of(arg) for arg in call.args]
    words = {word.arg: values.of(word.value) for word in call.keywords if word.arg in _PATH_WORDS}
    found: list[tuple[list[str], Use]] = []
    if name in _PATHS or name in _NO_USE:
        return
    if name in _OPENS:
        found = [_opened(own, args, call, values)]
    elif name in _COPIES and len(args) > 1:
        found = [(args[0], "read"), (args[1], "write")]
    elif name in ("glob", "rglob", "iglob"):
        found = [(_globbed(name, own, args), "read")]
    elif name in _OF_A_PATH and own:
        found = [(own, "write" if _WRITES.fullmatch(name) else "read")]
    else:
        first = next((texts for texts in [*args, *words.values()] if any(map(_like_a_path, texts))), [])
        use: Use = "write" if _WRITES.fullmatch(name) else "read" if _READS.fullmatch(name) else "named"
        found = [(first, use)]
    for texts, how in found:
        for text in texts:
            if text and (how == "read" or _like_a_path(text)):
                yield Trace(text, how, name, call.lineno)


def _opened(own: list[str], args: list[list[str]], call: ast.Call, values: _Values) -> tuple[list[str], Use]:
    """The path and the use of `open(path, mode)`, `gzip.open(path, mode)` and `path.open(mode)`."""
    first_is_mode = not args or (len(args) == 1 and own and any(map(_MODE.fullmatch, args[0])))
    of_a_path = bool(own) and first_is_mode
    modes = next((values.of(word.value) for word in call.keywords if word.arg == "mode"), [])
    at = 0 if of_a_path else 1
    if not modes and len(args) > at:
        modes = args[at]
    writes = any(letter in mode for mode in modes for letter in "wax")
    return (own if of_a_path else args[0] if args else [], "write" if writes else "read")


def _globbed(name: str, own: list[str], args: list[list[str]]) -> list[str]:
    patterns = args[0] if args else []
    if not own:
        return patterns
    middle = "**/" if name == "rglob" else ""
    return [join(folder, middle + pattern) for folder in own for pattern in patterns]


def _like_a_path(text: str) -> bool:
    """Whether a text may well name a file: a short line with an ending or a folder in it."""
    return (
        0 < len(text) < 200
        and not re.search(r"[\s:;,|<>\"'{}]{2}|\n|://", text)
        and bool(re.search(r"[\w\]*-]\.[A-Za-z][A-Za-z0-9]{0,9}$|[\w.]/[\w.]", text))
    )


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _up(path: str, folders: int) -> str:
    for _ in range(min(folders, 20)):
        path = dirname(path)
    return path


def _modules(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), names=names):
            yield module
            yield from (f"{module}.{alias.name}" for alias in names)
        case ast.ImportFrom(module=None, names=names):
            yield from (alias.name for alias in names)


def _keys(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            yield key
        case ast.Call(func=ast.Attribute(attr="get" | "pop"), args=[ast.Constant(value=str(key)), *_]):
            yield key
        case ast.Attribute(attr=key):
            yield key


def _acts(node: ast.stmt) -> bool:
    match node:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case ast.Expr(value=ast.Call()) | ast.With() | ast.For() | ast.While():
            return True
        case ast.Assign(value=ast.Call(func=func)):
            return _name(func) not in (
                *_PATHS,
                "getLogger",
                "TypeVar",
                "namedtuple",
                "join",
                "compile",
                "environ",
            )
    return False


def _needed(call: ast.Call) -> bool:
    """Whether this declares an argument that has to be given."""
    name = _name(call.func)
    if name not in ("add_argument", "argument", "option"):
        return False
    words = {word.arg: word.value for word in call.keywords}
    required = words.get("required")
    if isinstance(required, ast.Constant) and required.value is True:
        return True
    positional = bool(call.args) and all(
        isinstance(arg, ast.Constant) and isinstance(arg.value, str) and not arg.value.startswith("-")
        for arg in call.args
    )
    optional = isinstance(words.get("nargs"), ast.Constant) or "default" in words
    return positional and name != "option" and not optional


_COMMAND = re.compile(
    r"^[\s@-]*((?:python[0-9.]*|bash|sh|Rscript)\s+(?:-u\s+)?([\w./-]+\.(?:py|sh|R|r))\b[^|&;<>$`#\n]*)$",
    re.MULTILINE,
)


def commands(text: str) -> Mapping[str, str]:
    """The command lines of a shell script or a Makefile that run one script each, by that script."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return {found[2]: " ".join(found[1].split()) for found in reversed(list(_COMMAND.finditer(joined)))}


def read_command(text: str) -> tuple[Trace, ...]:
    """The paths among the words of a command; what follows `-o`, `--out…` or `--save…` is written."""
    words = text.replace("=", " ").split()[2:]
    traces: list[Trace] = []
    for before, word in zip(["", *words], words, strict=False):
        if _like_a_path(word) and not word.startswith("-"):
            writes = re.match(r"-o$|--?(out|save|dest|target|model[-_]?out|write|report|metrics)", before)
            traces.append(Trace(word, "write" if writes else "named", before or "argument", 0))
    return tuple(traces)
