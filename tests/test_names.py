"""Names that the documentation sets in code font exist: files, modules, functions and fields."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ipvae_brian"
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
# What stands for a name of the reader's, a file without code, and names that Brian2 has, too.
ELSEWHERE = {"NAME", "NAMES", "URL", "CITATION", "vX", "brian2"}
# Examples of objects, by the class that they have.
OBJECTS = {
    "network": "SpikingNetwork",
    "parameters": "Parameters",
    "response": "Response",
    "runner": "Runner",
}


@cache
def sources():
    """Syntax trees of all Python files of the repository, by path."""
    folders = ("ipvae_brian", "benchmarks", "tests", "models")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py*")]
    paths = [path for path in paths if path.suffix in (".py", ".pyi") and path != Path(__file__)]
    return {path: ast.parse(path.read_text()) for path in paths}


def docstrings(tree):
    """The docstrings of a tree: in them a name may outlive what it named."""
    nodes = [node for node in ast.walk(tree) if hasattr(node, "body")]
    bodies = [node.body for node in nodes if isinstance(node.body, list) and node.body]
    first = [body[0].value for body in bodies if isinstance(body[0], ast.Expr)]
    return {value for value in first if isinstance(value, ast.Constant)}


def names_in(tree):
    """Every name that code defines or uses, with words of its strings, such as keys."""
    prose, found = docstrings(tree), set()
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                found |= set(value.split("."))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose:
            found |= set(re.findall(r"\w+", node.value))
    return found


@cache
def all_names():
    names = set().union(*(names_in(tree) for tree in sources().values()))
    return names | {part for path in sources() for part in path.with_suffix("").parts}


@cache
def owners():
    """Names within each module and each class of the package, bases included."""
    found, bases = {}, {}
    for path, tree in sources().items():
        if PACKAGE not in path.parents:
            continue
        module = path.parent.name if path.stem == "__init__" else path.stem
        inside = names_in(tree) | {other.stem for other in path.parent.glob("*.py")}
        found.setdefault(module, set()).update(inside)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(names_in(node))
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    for name in bases:
        above = list(bases[name])
        while above:
            base = above.pop()
            found[name] |= found.get(base, set())
            above += bases.get(base, [])
    return found


def paths_in(code):
    """Files and folders that a piece of code names."""
    return re.findall(r"(?<![\w<./-])(?:\w+/)+(?:\w+(?:\.\w+)?)?|\b\w+\.pyi?\b", code)


def exists(path):
    places = [ROOT, PACKAGE, *(folder for folder in PACKAGE.iterdir() if folder.is_dir())]
    if any((place / name).exists() for place in places for name in (path, f"{path}.py")):
        return True
    return "/" not in path and any(found.name == path for found in sources())


def missing_names(code):
    """What a piece of code names and the repository does not have."""
    for path in paths_in(code):
        if not exists(path) and not ELSEWHERE & set(re.findall(r"[A-Za-z]+", path)):
            yield path
        code = code.replace(path, " ")
    for owner, name in re.findall(r"\b(\w+)\.(\w+)", code):
        known = owners().get(OBJECTS.get(owner, owner))
        if owner not in ELSEWHERE and known is not None and name not in known:
            yield f"{owner}.{name}"
    for word in re.findall(r"[A-Za-z_]\w*(?!\w*\*)", code):
        if re.search(r"_|[a-z][A-Z]|^[A-Z]{2}", word) and word not in all_names() | ELSEWHERE:
            yield word


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_names_in_code_font_exist(document):
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`]+)`", text)
    assert {code: missing for code in spans if (missing := list(missing_names(code)))} == {}


@pytest.mark.parametrize(
    "code",
    [
        *("network/rooms.py", "rooms.py", "stimuli/rooms/", "presentation.diverged_copies"),
        *("learning.Sums", "_require_memory"),
        *("ModelFileError", "IPVAE(n_rooms=3)"),
    ],
)
def test_names_that_are_gone_are_found(code):
    assert list(missing_names(code))
