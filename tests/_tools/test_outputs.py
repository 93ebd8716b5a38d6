"""Outputs are checked before the work: each can be written, and none is another."""

import os

import pytest

from ipvae_brian._tools.outputs import require_outputs, same_file


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old.npz").write_bytes(b"old")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "link.npz").symlink_to("a/old.npz")
    (tmp_path / "dangling.npz").symlink_to("a/new.npz")
    os.link(tmp_path / "a" / "old.npz", tmp_path / "hard.npz")
    return tmp_path


SAME = [
    ("a/old.npz", "a/old.npz"),
    ("a/new.npz", "a/new.npz"),
    ("a/new.npz", "a/../a/./new.npz"),
    ("a/old.npz", "link.npz"),
    ("a/old.npz", "b/old.npz"),
    ("a/new.npz", "b/new.npz"),
    ("a/new.npz", "dangling.npz"),
    ("b/new.npz", "dangling.npz"),
    ("a/old.npz", "hard.npz"),
    ("link.npz", "hard.npz"),
    ("a/new.npz", "a/NEW.npz"),
    ("a/old.npz", "b/Old.NPZ"),
    ("a/\u00e9.npz", "a/e\u0301.npz"),
    ("a/stra\u00dfe.npz", "a/STRASSE.npz"),
]


@pytest.mark.parametrize("names", SAME)
def test_one_file_by_two_names(folder, names):
    one, other = (folder / name for name in names)
    assert same_file(one, other) and same_file(other, one)
    with pytest.raises(ValueError, match="--out and --json must be different files"):
        require_outputs({"--out": one, "--json": other})
    with pytest.raises(ValueError, match="--out and --data must be different files"):
        require_outputs({"--out": one}, {"--data": other})
    assert (folder / "a" / "old.npz").read_bytes() == b"old"


def test_relative_and_absolute_names(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert same_file("a/new.npz", folder / "a" / "new.npz")
    assert same_file("new.npz", "./new.npz")


@pytest.mark.parametrize("names", [("a/old.npz", "a/new.npz"), ("a/x.npz", "x.npz")])
def test_two_files(folder, names):
    one, other = (folder / name for name in names)
    assert not same_file(one, other)
    require_outputs({"--out": one, "--json": other, "--card": None}, {"--data": "photographs"})


def test_inputs_may_be_the_same(folder):
    old = folder / "a" / "old.npz"
    require_outputs({"--json": folder / "f.json"}, {"--data": old, "the model": old})


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("none/x.npz", FileNotFoundError, "--out: no such folder: .*none"),
        ("a/old.npz/x.npz", FileNotFoundError, "--out: no such folder"),
        ("a", IsADirectoryError, "--out: .*a is a folder"),
        ("b", IsADirectoryError, "--out: .*b is a folder"),
        ("n" * 300, OSError, "--out: File name too long"),
    ],
)
def test_what_cannot_be_written_is_named(folder, name, error, words):
    with pytest.raises(error, match=words):
        require_outputs({"--json": folder / "f.json", "--out": folder / name})
    assert not (folder / "f.json").exists()


def test_a_write_protected_folder_is_named(folder, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="--out: cannot write into the folder"):
        require_outputs({"--out": folder / "x.npz"})
