"""The card that describes a trained model, as Markdown."""


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
