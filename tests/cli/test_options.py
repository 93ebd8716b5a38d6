"""Options of the command line: bounds, and the command as others can type it."""

import shlex
from argparse import ArgumentTypeError

import pytest

from ipvae_brian.cli.options import LEFT_OUT, bounded, command_line, parser, processes
from ipvae_brian.learning.settings import TRAINING_SETTINGS


def told(*words):
    return command_line(parser().parse_args(words))


def test_the_command_as_others_can_type_it():
    words = ["train", "--data", "/home/me/my data/a b.npz", "--out", "/x y/my model.npz"]
    line = told(*words, "--data-note", "CC-BY 4.0 / see https://example.org/a b", "--quiet")
    assert "/home" not in line and "/x y" not in line
    assert shlex.split(line) == [
        *("ipvae", "train", "--data", "a b.npz", "--out", "my model.npz"),
        *("--data-note", "CC-BY 4.0 / see https://example.org/a b"),
    ]
    # Written with "=", and typed again it gives the same options.
    line = told("train", "--data=/a b/c.npz", "--out=m.npz", "--leak=0.1", "--learn-prior")
    assert line == "ipvae train --data c.npz --out m.npz --leak 0.1 --learn-prior"
    again = parser().parse_args(shlex.split(line)[1:])
    assert (again.leak, again.learn_prior) == (0.1, True)
    assert told("train", "--out", "m.npz", "--data-note=-x") == (
        "ipvae train --out m.npz --data-note=-x"
    )


def test_a_folder_called_photographs_stays_a_folder():
    assert "--data ./photographs" in told("train", "--data", "/mine/photographs", "--out", "m.npz")
    assert "--data ./photographs" in told("train", "--data", "./photographs", "--out", "m.npz")
    assert "--data" not in told("train", "--data", "photographs", "--out", "m.npz")


@pytest.mark.parametrize(
    ("bounds", "allowed", "refused", "words"),
    [
        ({"minimum": 0}, ["0", "7", "-0"], ["-1", "1.5", "", "1e3", "nan"], "a whole number >= 0"),
        ({"minimum": 1, "maximum": 3}, ["1", "3"], ["0", "4"], "a whole number >= 1 and <= 3"),
        ({}, ["-5"], ["five"], "a whole number"),
    ],
)
def test_whole_numbers_within_bounds(bounds, allowed, refused, words):
    read = bounded(int, **bounds)
    assert [read(text) for text in allowed] == [int(text) for text in allowed]
    for text in refused:
        with pytest.raises(ArgumentTypeError, match=f"^must be {words}, got {text!r}$"):
            read(text)


def test_finite_numbers_within_bounds():
    read = bounded(float, above=0, below=2)
    assert read("1.5") == 1.5 and read("1e-9") == 1e-9
    for text in ("0", "2", "inf", "nan", "-1", "much"):
        with pytest.raises(ArgumentTypeError, match="^must be a finite number > 0 and < 2, got"):
            read(text)


def test_number_of_processes():
    assert (processes("2"), processes("-1")) == (2, -1)
    for text in ("0", "1.5", "all"):
        with pytest.raises(ArgumentTypeError, match="^must be a whole number"):
            processes(text)


def test_every_setting_of_a_training_is_an_option_with_its_default():
    given = vars(parser().parse_args(["train", "--out", "m.npz"]))
    for setting in TRAINING_SETTINGS:
        if setting.unit == "second":
            assert given["tau_ms"] == pytest.approx(setting.default * 1000)
        elif setting.name not in LEFT_OUT:
            assert given[setting.name] == setting.default, setting.name
