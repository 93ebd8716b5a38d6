"""Options of the command line; no heavy imports here, so that --help answers at once."""

import argparse
import math
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipvae_brian._version import __version__
from ipvae_brian.learning.settings import TRAINING_SETTINGS

# The patches of `load_stimuli` are standardised, and --seed is an option of every command.
LEFT_OUT = ("standardise", "random_state")
N_HELD_OUT = 2000
DATA = "photographs, a folder of images, or a .npy/.npz file of patches"
MODEL = "name of a model that comes with the package (see `ipvae models`), or a model file"
ENGINE = "events, numba, numpy or brian2 (the fastest that is installed)"
JOBS = "processes; -1 for all cores (1)"
EXAMPLES = """examples:
  ipvae demo --out DIR
  ipvae models
  ipvae train --data FOLDER --out mine.npz
  ipvae evaluate mine.npz --data FOLDER
  ipvae simulate mine.npz --stimulus 3 --out DIR
  ipvae inspect mine.npz --out DIR
  ipvae compare mine.npz --out DIR"""


# What does not change the result of a command.
NO_MATTER = {"help", "json", "quiet", "n_jobs"}
NO_MATTER |= {"resume", "overwrite", "checkpoint", "checkpoint_every"}


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults beside the options that have one, examples as they are typed."""

    def _get_help_string(self, action):
        plain = action.default is None or action.default is False
        return action.help if plain else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """One line for bad input, no usage in front of it."""

    def __init__(self, **options: Any):
        super().__init__(formatter_class=HelpFormatter, allow_abbrev=False, **options)

    def error(self, message: str):
        """End the program with a line on what was wrong."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def parser() -> Parser:
    """Return the parser of the command line."""
    top = Parser(
        prog="ipvae",
        description="Spiking networks that infer natural images.",
        epilog=EXAMPLES + "\n\n`ipvae COMMAND --help` has the options of a command.",
    )
    top.add_argument("--version", action="version", version=f"ipvae_brian {__version__}")
    commands = top.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    _add_demo(commands)
    _add_models(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_simulate(commands)
    _add_inspect(commands)
    _add_compare(commands)
    return top


def _add_command(commands, name, text, *examples):
    epilog = "\n  ".join(["examples:" if len(examples) > 1 else "example:", *examples])
    sub = commands.add_parser(name, help=text, description=text, epilog=epilog)
    sub.set_defaults(parser=sub)
    sub.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    return sub


def _add_run(sub):
    """Options of the commands that simulate."""
    seed = bounded(int, minimum=0)
    sub.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of everything random")
    _add_quiet(sub)


def _add_quiet(sub):
    quiet = "no progress bars, which otherwise show on a terminal"
    sub.add_argument("--quiet", action="store_true", help=quiet)


def _add_demo(commands):
    text = "Infer held-out photographs and draw what the neurons did."
    sub = _add_command(commands, "demo", text, "ipvae demo --out DIR")
    folder = "folder for the figures and demo.json"
    sub.add_argument("--out", type=Path, default=Path("demo_output"), metavar="DIR", help=folder)
    sub.add_argument("--model", default="photographs-512", help=MODEL)
    _add_run(sub)


def _add_models(commands):
    text = "List the models that come with the package."
    _add_command(commands, "models", text, "ipvae models", "ipvae models --json models.json")


def _add_train(commands):
    sub = _add_command(
        commands,
        "train",
        "Learn a dictionary from images and save it as a model with its card.",
        "ipvae train --data FOLDER --out mine.npz",
        "ipvae train --data patches.npz --out mine.npz --n-neurons 256 --n-epochs 8",
    )
    sub.add_argument("--data", default="photographs", metavar="DATA", help=DATA)
    out = "the model file to write; its card goes to FILE.md"
    sub.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help=out)
    checkpoint = "state of the training, deleted in the end (the model file with .checkpoint.npz)"
    sub.add_argument("--checkpoint", type=Path, metavar="FILE", help=checkpoint)
    left = sub.add_mutually_exclusive_group()
    left.add_argument("--resume", action="store_true", help="go on from the checkpoint, if any")
    anew = "begin anew although there is a checkpoint of an unfinished training"
    left.add_argument("--overwrite", action="store_true", help=anew)
    positive = bounded(int, minimum=1)
    n_train = "patches to learn from (50000 from images, all of a file)"
    sub.add_argument("--n-train", type=positive, metavar="N", help=n_train)
    sub.add_argument("--data-note", metavar="TEXT", help="origin and terms, for the model card")
    n_evaluate = f"validation patches ({N_HELD_OUT}, or as many as there are)"
    sub.add_argument("--n-evaluate", type=positive, metavar="N", help=n_evaluate)
    _add_run(sub)
    group = sub.add_argument_group("settings of the training")
    for setting in TRAINING_SETTINGS:
        if setting.name not in LEFT_OUT:
            _add_setting(group, setting)


def _add_setting(group, setting):
    """One option of a setting, with its default and bounds; a time is given in ms."""
    option, factor = "--" + setting.name.replace("_", "-"), 1
    if setting.unit == "second":
        option, factor = f"{option}-ms", 1000
    text = setting.help.replace("%", "%%")
    if setting.kind is bool:
        action = argparse.BooleanOptionalAction
        group.add_argument(option, action=action, default=setting.default, help=text)
        return
    kind = str
    if setting.name == "n_jobs":
        kind = processes
    elif setting.kind is not str:
        names = ("minimum", "maximum", "above", "below")
        bounds = {name: getattr(setting, name) for name in names}
        if factor != 1:
            bounds["above"] = 0
        kind = bounded(setting.kind, **bounds)
    default = setting.default if factor == 1 else setting.default * factor
    metavar = {int: "N", float: "X", str: "NAME"}[setting.kind]
    group.add_argument(option, type=kind, default=default, metavar=metavar, help=text)


def _add_evaluate(commands):
    sub = _add_command(
        commands,
        "evaluate",
        "Measure a model's code of held-out patches.",
        "ipvae evaluate photographs-512",
        "ipvae evaluate mine.npz --data FOLDER --n-stimuli 500 --json figures.json",
    )
    sub.add_argument("model", help=MODEL)
    sub.add_argument("--data", default="photographs", metavar="DATA", help=DATA)
    positive, above_zero = bounded(int, minimum=1), bounded(float, above=0)
    n_stimuli = f"held-out patches ({N_HELD_OUT}, or as many as there are)"
    sub.add_argument("--n-stimuli", type=positive, metavar="N", help=n_stimuli)
    sub.add_argument("--windows", type=positive, default=16, metavar="N", help="windows of tau")
    until = "end early, when the mean R2 changes by less from window to window"
    sub.add_argument("--until", type=above_zero, metavar="X", help=until)
    dt = "time step; tau for discrete updates (one that is stable)"
    sub.add_argument("--dt-ms", type=above_zero, metavar="MS", help=dt)
    sub.add_argument("--gain", type=above_zero, metavar="X", help="gain kappa (the model's own)")
    sub.add_argument("--engine", metavar="NAME", help=ENGINE)
    sub.add_argument("--n-jobs", type=processes, metavar="N", help=JOBS)
    _add_run(sub)


def _add_simulate(commands):
    sub = _add_command(
        commands,
        "simulate",
        "Simulate the neurons on one patch; keep spikes and potentials, draw them.",
        "ipvae simulate photographs-512 --stimulus 3 --out DIR",
    )
    sub.add_argument("model", help=MODEL)
    sub.add_argument("--data", default="photographs", metavar="DATA", help=DATA)
    positive, above_zero = bounded(int, minimum=1), bounded(float, above=0)
    stimulus = "number of the patch among those held out"
    natural = bounded(int, minimum=0)
    sub.add_argument("--stimulus", type=natural, default=0, metavar="N", help=stimulus)
    long = "how long it is shown"
    sub.add_argument("--duration-ms", type=above_zero, default=500.0, metavar="MS", help=long)
    step = "time step (one that is stable)"
    sub.add_argument("--dt-ms", type=above_zero, metavar="MS", help=step)
    sub.add_argument("--pathway", default="synapses", help="synapses or error_units")
    record = "neurons whose potentials are kept"
    sub.add_argument("--record", type=positive, default=10, metavar="N", help=record)
    folder = "folder for response.npz and membrane_raster.png"
    sub.add_argument("--out", type=Path, default=Path("simulation"), metavar="DIR", help=folder)
    _add_run(sub)


def _add_inspect(commands):
    sub = _add_command(
        commands,
        "inspect",
        "Fit a Gabor function to every column of a dictionary, and draw all columns.",
        "ipvae inspect photographs-512 --out DIR",
    )
    sub.add_argument("model", help=MODEL)
    folder = "folder for dictionary.png, the best fitted columns first"
    sub.add_argument("--out", type=Path, default=Path("inspection"), metavar="DIR", help=folder)
    _add_quiet(sub)


def _add_compare(commands):
    sub = _add_command(
        commands,
        "compare",
        "Compare a model with visual cortex, and with recordings of your own.",
        "ipvae compare vanhateren-512 --out DIR",
        "ipvae compare mine.npz --recording session.nwb --columns orientation=ori --out DIR",
        "ipvae compare mine.npz --vary gain,leak --out DIR --quick",
    )
    sub.add_argument("model", help=MODEL)
    folder = "folder for report.html and report.json"
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help=folder)
    files = "a recording (NWB, .npz, CSV, ...) to stand beside the laboratories; may come again"
    sub.add_argument(
        "--recording", type=Path, action="append", default=[], metavar="FILE", help=files
    )
    table = "table in the recordings' files that has the trials (of CSV, a file with one)"
    sub.add_argument("--trials", metavar="NAME", help=table)
    pairs = "what the recordings' files call conditions: orientation=ori,contrast=c"
    sub.add_argument("--columns", type=named, metavar="PAIRS", help=pairs)
    quick = "fewer conditions, repeats and neurons"
    sub.add_argument("--quick", action="store_true", help=quick)
    settings = "settings to vary one at a time, with commas: gain,leak,sparsity,noise.shared_gain"
    sub.add_argument("--vary", type=names, default=[], metavar="NAMES", help=settings)
    _add_run(sub)


def names(text: str) -> list[str]:
    """Read names that are separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def named(text: str) -> dict[str, str]:
    """Read pairs of our names and others, such as ``orientation=ori``, separated by commas."""
    pairs = [[part.strip() for part in pair.split("=")] for pair in names(text)]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise argparse.ArgumentTypeError(
            f"must be pairs such as orientation=ori,contrast=c, got {text!r}"
        )
    return {ours: theirs for ours, theirs in pairs}


def bounded(
    kind: type,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Callable[[str], Any]:
    """Return a function that reads a finite number within the bounds from a word."""
    bounds = [f">= {minimum:g}"] if minimum is not None else []
    bounds += [f"> {above:g}"] if above is not None else []
    bounds += [f"<= {maximum:g}"] if maximum is not None else []
    bounds += [f"< {below:g}"] if below is not None else []
    wanted = " ".join(["a whole number" if kind is int else "a finite number", *bounds[:1]])
    wanted = " and ".join([wanted, *bounds[1:]])

    def read(text: str) -> Any:
        try:
            value = kind(text)
            allowed = (
                math.isfinite(value)
                and (minimum is None or value >= minimum)
                and (maximum is None or value <= maximum)
                and (above is None or value > above)
                and (below is None or value < below)
            )
        except (ValueError, OverflowError):
            allowed = False
        if not allowed:
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {text!r}")
        return value

    return read


def processes(text: str) -> int:
    """Read a number of processes; negative ones count back from all cores."""
    number = bounded(int)(text)
    if number == 0:
        raise argparse.ArgumentTypeError("must be a whole number other than 0, got '0'")
    return number


def command_line(options: argparse.Namespace) -> str:
    """Return the command as others can type it, without what only this machine has.

    Names of files stand without their folders, defaults are left out, and so are options that do
    not change the result.
    """
    words = ["ipvae", options.command]
    for action in options.parser._actions:
        value: Any = getattr(options, action.dest, None)
        if value == action.default or action.dest in NO_MATTER:
            continue
        if isinstance(action, argparse.BooleanOptionalAction):
            words.append(action.option_strings[0 if value else 1])
        elif action.nargs == 0:
            words.append(action.option_strings[0])
        elif action.dest == "vary":
            words += [action.option_strings[0], ",".join(value)]
        elif isinstance(value, dict):
            pairs = ",".join(f"{ours}={theirs}" for ours, theirs in value.items())
            words += [action.option_strings[0], pairs]
        else:
            for one in value if isinstance(value, list) else [value]:
                words += _words(action, one)
    return shlex.join(words)


def _words(action, value):
    """Return an option and its value, a file by its name alone."""
    if action.dest == "data":
        value = without_folder(str(value))
    elif isinstance(value, Path) or action.dest in ("model", "trials"):
        value = Path(value).name
    if not action.option_strings:
        return [str(value)]
    option = action.option_strings[0]
    return [f"{option}={value}"] if str(value).startswith("-") else [option, str(value)]


def without_folder(data: str) -> str:
    """Return the source of stimuli by its name alone, where that means the same source."""
    name = Path(data).name
    return f"./{name}" if name == "photographs" and data != name else name
