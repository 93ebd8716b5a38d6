"""Progress bars show where somebody is there to see them."""

import sys

import pytest

from ipvae_brian._tools import progress
from ipvae_brian._tools.progress import progress_bar


@pytest.mark.parametrize(
    ("terminal", "notebook", "total", "shown"),
    [
        (False, False, 10, False),
        (True, False, 10, True),
        (False, True, 10, True),
        (True, False, 1, False),
        (True, False, None, True),
    ],
)
def test_by_default_on_terminals_and_in_notebooks(monkeypatch, terminal, notebook, total, shown):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    if notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", sys)
    else:
        monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    with progress_bar(total, "stimuli") as bar:
        assert bar.disable is not shown


def test_where_it_is_asked_for(capsys):
    with progress_bar(3, "parts", True) as bar:
        bar.update(2)
        bar.refresh()
    assert "2/3" in capsys.readouterr().err


def test_not_where_it_is_not_wanted(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(progress_bar(3, "parts", False, iterable="abc")) == list("abc")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("delay", "shown"), [(60.0, False), (0.0, True)])
def test_what_is_over_soon_shows_no_bar(monkeypatch, capsys, delay, shown):
    """By default; on a terminal each short run would flicker otherwise."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setattr(progress, "DELAY", delay)
    for _ in progress_bar(3, "parts", iterable="abc"):
        pass
    assert ("parts" in capsys.readouterr().err) is shown
