"""The trained models that come with the package, and the cards that describe models."""

from importlib import resources
from pathlib import Path

from ipvae_brian._checks import known_name
from ipvae_brian.parameters import Parameters


def _folder():
    """Where the models are: installed as ipvae_brian.models, in a source tree beside it."""
    try:
        return resources.files("ipvae_brian.models")
    except ModuleNotFoundError:
        return Path(__file__).parent.parent / "models"


def available_models():
    """Names of the models that come with the package, sorted; a list of str."""
    return sorted(
        Path(entry.name).stem for entry in _folder().iterdir() if entry.name.endswith(".npz")
    )


def load_model(model):
    """Load a trained model.

    Parameters
    ----------
    model : str or path-like
        A name from `available_models`, or the path of a model file (.npz).

    Returns
    -------
    Parameters

    Raises
    ------
    ValueError
        If there is no such model; the nearest name is suggested.
    FileNotFoundError, ModelFileError
        If the file does not exist or is not a model.

    Examples
    --------
    >>> from ipvae_brian import load_model
    >>> load_model("photographs-512").n_neurons
    512
    """
    path = Path(model)
    if path.suffix == ".npz" or len(path.parts) > 1 or path.is_file():
        return Parameters.load(path)
    name = known_name(str(model), "model, if not the path of a file,", available_models())
    with resources.as_file(_folder() / f"{name}.npz") as file:
        return Parameters.load(file)


def model_card(parameters):
    """The card of a trained model as Markdown, from its provenance.

    Parameters
    ----------
    parameters : Parameters
        With provenance as `ipvae train` writes it.

    Returns
    -------
    str
    """
    origin = parameters.provenance
    figures = origin["figures"]
    image = " x ".join(map(str, parameters.stimulus_shape))
    rows = [
        ("R2 of patches decoded from one window of tau", f"{figures['r2']:.3f}"),
        ("fraction of zero counts", f"{figures['zeros']:.3f}"),
        ("distance d = sqrt((1-R2)^2 + (1-zeros)^2)", f"{figures['distance']:.3f}"),
        ("spikes per tau and stimulus", f"{figures['spikes_per_tau']:.0f}"),
        ("seconds of training", f"{origin['seconds']:.0f}"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    settings = ", ".join(f"{k} {v}" for k, v in origin["settings"].items())
    whitening = parameters.whitening or {"filter": "as stored in the file of patches"}
    return f"""# {origin["name"]}

{parameters.n_neurons} neurons, stimuli of {image} pixels, tau {parameters.tau!s}. Meant for
whitened, z-scored natural image patches; continuous time (dt well below tau).

## Trained on

{origin["data_note"]}

Whitening: {", ".join(f"{k} {v}" for k, v in whitening.items())}.

## Trained by

```
{origin["command"]}
```

Settings: {settings}. {origin["n_batches"]} batches, {origin["n_revived"]} silent neurons revived,
{origin["n_diverged"]} stimuli left out because their simulation diverged.

## Figures

On {figures["n_stimuli"]} validation patches after {figures["windows"]} tau at dt =
{figures["dt_ms"]:g} ms (no image gives both training and validation patches):

| | |
| --- | --- |
{table}

```
{figures["command"]}
```

Seconds are of the machine that trained it.
"""
