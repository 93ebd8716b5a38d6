"""The card that describes a trained model, as Markdown."""

import re
from os import PathLike
from pathlib import Path

from ipvae_brian._tools.files import write_bytes
from ipvae_brian._tools.outputs import file_to_write
from ipvae_brian.model.parameters import Parameters

# The last line of every card: a file without it is somebody else's and is not overwritten.
MARK = "<!-- model card by ipvae_brian -->"
UNKNOWN = "not known"
# What a model is for and was measured on, unless its provenance says otherwise.
NATURAL = "whitened, z-scored natural image patches"
HELD_OUT = "validation patches"
SPLIT = " (no image gives both training and validation patches)"
ROWS = (
    ("R2 of patches decoded from one window of tau", "r2", ".3f"),
    ("fraction of zero counts", "zeros", ".3f"),
    ("distance d = sqrt((1-R2)^2 + (1-zeros)^2)", "distance", ".3f"),
    ("spikes per tau and stimulus", "spikes_per_tau", ".0f"),
)


def model_card(parameters: Parameters) -> str:
    """Return the card of a model as Markdown.

    What the model's provenance does not tell is said to be not known, so every model has a card.
    Text from the provenance is shown as plain text: Markdown and HTML in it have no effect.

    Parameters
    ----------
    parameters : Parameters
        Read from its ``provenance``: name, data_note, command, settings, n_batches, n_revived,
        n_diverged, seconds and figures, as `ipvae train` and `IPVAE.save` write them; base and
        settings_of_use of a model that uses the dictionary of another; meant_for and held_out where
        stimuli are no natural patches.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian import Parameters, model_card
    >>> card = model_card(Parameters(dictionary=np.eye(4), provenance={"name": "mine"}))
    >>> card.splitlines()[0]
    '# mine'
    """
    origin = parameters.provenance
    image = " x ".join(map(str, parameters.stimulus_shape))
    whitening = _list(parameters.whitening)
    return f"""# {_text(origin.get("name") or "Unnamed model")}

{parameters.n_neurons} neurons, stimuli of {image} pixels, tau {parameters.tau!s}. Meant for
{_text(origin.get("meant_for") or NATURAL)}; continuous time (dt well below tau).
{_derived(origin)}
## Trained on

{_text(origin.get("data_note") or f"Data {UNKNOWN}.")}

Whitening: {whitening or "none, or as stored in the file of patches"}.

## Trained by

{_trained_by(origin)}

## Figures

{_figures(origin)}

{MARK}
"""


def write_model(path: str | PathLike, parameters: Parameters) -> Path:
    """Write a model file and, beside it, its card.

    Parameters
    ----------
    path : path-like
        The model file (.npz); ``mine.npz`` has its card in ``mine.md``.
    parameters : Parameters

    Returns
    -------
    pathlib.Path
        The card's.

    Raises
    ------
    ValueError
        If `path` ends in .md.
    FileExistsError
        If a file of the card's name exists that is no model card; nothing is written.
    OSError
        If a file cannot be written.
    """
    card = card_path(path)
    parameters.save(path)
    write_bytes(card, model_card(parameters).encode(errors="replace"))
    return card


def card_path(path: str | PathLike) -> Path:
    """Return where the card of the model file `path` goes.

    Raises
    ------
    ValueError
        If the model file has the card's name itself.
    FileExistsError
        If a file of that name exists that is no model card.
    OSError
        If its folder cannot be written.
    """
    card = Path(path).with_suffix(".md")
    if card == Path(path):
        raise ValueError(f"path must not end in .md, which its card does, got {path}")
    file_to_write(card)
    if card.exists() and MARK.encode() not in card.read_bytes():
        raise FileExistsError(
            f"{card} exists and is no model card: choose another name for the model, or move it"
        )
    return card


def _derived(origin):
    """Return a paragraph on the model whose dictionary this one uses, if it does."""
    if not origin.get("base"):
        return ""
    settings = _list(origin.get("settings_of_use")) or UNKNOWN
    base = _text(origin["base"])
    return f"\nThe dictionary is that of {base}, used with other settings: {settings}.\n"


def _trained_by(origin):
    parts = []
    if origin.get("command"):
        parts += [_code(origin["command"])]
    told = [f"Settings: {_list(origin.get('settings')) or UNKNOWN}."]
    counted = (
        ("n_batches", "batches"),
        ("n_revived", "silent neurons revived"),
        ("n_diverged", "stimuli left out because their simulation diverged"),
    )
    numbers = [(_number(origin, key, ".0f"), text) for key, text in counted]
    if any(value != UNKNOWN for value, _ in numbers):
        told.append(", ".join(f"{value} {text}" for value, text in numbers) + ".")
    return "\n\n".join([*parts, " ".join(told)])


def _figures(origin):
    figures = origin.get("figures")
    if not isinstance(figures, dict) or not figures:
        return f"Figures of held-out stimuli are {UNKNOWN}."
    rows = [(name, _number(figures, key, style)) for name, key, style in ROWS]
    rows.append(("seconds of training", _number(origin, "seconds", ".0f")))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    held_out = origin.get("held_out")
    parts = [
        f"On {_number(figures, 'n_stimuli', '.0f')} {_text(held_out or HELD_OUT)} after "
        f"{_number(figures, 'windows', '.0f')} tau at dt =\n{_number(figures, 'dt_ms', 'g')} ms"
        f"{'' if held_out else SPLIT}:",
        f"| | |\n| --- | --- |\n{table}",
    ]
    if figures.get("command"):
        parts.append(_code(figures["command"]))
    return "\n\n".join([*parts, "Seconds are of the machine that trained it."])


def _number(values, key, style):
    value = values.get(key)
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return format(value, style) if known else UNKNOWN


def _list(values):
    """Names and values in a line; an empty text for anything but a dict."""
    if not isinstance(values, dict):
        return ""
    return ", ".join(f"{_text(name)} {_text(value)}" for name, value in values.items())


def _text(value):
    """Any value as one line of plain text in Markdown."""
    text = " ".join(str(value).split())
    text = re.sub(r"([\\`*\[\]|~])", r"\\\1", text)
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)  # not within a word
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
    # What begins a heading, a list or a rule where it begins a line.
    return re.sub(r"^(\d*)([-+#=.)]+)(?=\s|$)", r"\1\\\2", text)


def _code(value):
    """Any value as a block of code, with a fence longer than any in it."""
    text = " ".join(str(value).split("\n"))
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
