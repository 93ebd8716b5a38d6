"""Type checkers accept users' correct calls, and find mistakes where they are."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.type_checking import correct_calls

pytest.importorskip("pyright", reason="pyright is in the extra `test`")
ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "type_checking"
CALLS = [
    function
    for _, function in inspect.getmembers(correct_calls, inspect.isfunction)
    if function.__module__ == correct_calls.__name__
]


@pytest.fixture(scope="module")
def errors():
    """Lines with errors in each file, as the checker reports them."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(
        [*command, str(FOLDER)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] >= 2
    found = {}
    for item in report["generalDiagnostics"]:
        line = item["range"]["start"]["line"] + 1
        found.setdefault(Path(item["file"]).name, {})[line] = item["message"]
    return found


def test_correct_calls_are_accepted(errors):
    assert errors.get("correct_calls.py", {}) == {}


def test_each_wrong_call_is_found_and_nothing_else(errors):
    lines = (FOLDER / "wrong_calls.py").read_text().splitlines()
    marked = {i for i, line in enumerate(lines, 1) if line.endswith("# error")}
    assert len(marked) >= 25
    found = errors["wrong_calls.py"]
    missed = {i: lines[i - 1].strip() for i in sorted(marked - set(found))}
    unexpected = {i: found[i] for i in sorted(set(found) - marked)}
    assert (missed, unexpected) == ({}, {})


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_correct_calls_run(call, request):
    call(**{name: request.getfixturevalue(name) for name in inspect.signature(call).parameters})
