"""The preset `physiological`: settings at which spikes vary as those of cortical neurons do.

Shipped models are set for the best code. Their spike counts are then far more regular than those of
cortex, nearly uncorrelated between neurons, and there are none without a stimulus. `SETTINGS` has
what it takes to bring all of that near to cortex in one model, term by term, and what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from brian2.only import Quantity, ms

from ipvae_brian._tools.checks import whole_number
from ipvae_brian._tools.frozen import FrozenDict
from ipvae_brian._tools.html import table
from ipvae_brian.model.parameters import Fitted, Parameters
from ipvae_brian.network.noise import Noise
from ipvae_brian.network.spiking import SpikingNetwork


@dataclass(frozen=True)
class Setting:
    """One setting of the preset.

    Attributes
    ----------
    name : str
        An argument of `Parameters.with_settings`, or of `Noise` after ``noise.``;
        ``threshold_spread`` is the standard deviation of the logarithm of thresholds.
    value : float or Quantity
    why : str
        What it brings nearer to cortex, and what it takes away.

    Examples
    --------
    >>> from ipvae_brian.physiology import preset
    >>> preset.SETTINGS[0].name, preset.SETTINGS[0].value
    ('tau', 50. * msecond)
    """

    name: str
    value: float | Quantity
    why: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "tau",
        cast(Quantity, 50 * ms),
        "Rescales time and nothing else: rates fall, and the variance that a shared gain gives "
        "fewer spikes exceeds their mean by less.",
    ),
    Setting(
        "spike_size",
        0.5,
        "About as shipped. Larger spikes are fewer, which takes rates down, those without a "
        "stimulus, too, and makes intervals more regular.",
    ),
    Setting(
        "gain",
        12.5,
        "Three quarters of that as shipped. A spike inhibits its own neuron and those like it at "
        "once, which makes up for what noise and leak cost the code, and leaves the shared gain as "
        "the main reason why counts vary: correlations are higher, and Fano factors lower.",
    ),
    Setting(
        "sparsity",
        0.1,
        "Half of that as shipped: it improves the code, and widens tuning, because neurons fire "
        "for weaker stimuli.",
    ),
    Setting(
        "leak",
        1.0,
        "Potentials return to rest: neurons fire without a stimulus, and tuning is wider at low "
        "contrast than at high. The code gets worse with its ratio to the gain.",
    ),
    Setting(
        "resting_potential",
        -3.0,
        "What the leak pulls to: the spontaneous rate rises with it, and neurons of low threshold "
        "lose their tuning.",
    ),
    Setting(
        "threshold_spread",
        1.5,
        "Log-normal thresholds, so that mean rates of neurons differ tenfold and more, and some "
        "are tuned, others hardly; neurons of high threshold hardly code.",
    ),
    Setting(
        "noise.pixel",
        0.38,
        "Noise that similar neurons share, as that of the retina: fires neurons without a "
        "stimulus, widens tuning, makes intervals irregular, and correlates neurons more than "
        "private noise does.",
    ),
    Setting(
        "noise.semisaturation",
        0.25,
        "Noise of pixels goes through the contrast normalisation: it is strongest before a "
        "stimulus and falls at its onset, and so does the variability of counts. Natural images "
        "leave a quarter of it, which costs the code less.",
    ),
    Setting(
        "noise.time_constant",
        cast(Quantity, 180 * ms),
        "Of the noise of pixels. For the same effect on potentials, slower noise is smaller, and "
        "costs the code less.",
    ),
    Setting(
        "noise.shared_gain",
        0.47,
        "A gain of all neurons in a trial: gives counts the variance that grows with the square of "
        "their mean, and correlations. Reconstructions are scaled by it.",
    ),
)
# How figures of the preset are measured.
PROTOCOL = {
    "grey_before": 200 * ms,
    "duration": 200 * ms,
    "contrast": 0.3,
    "pools": True,
}


@dataclass(frozen=True)
class Preset:
    """A model with the settings of the preset.

    Attributes
    ----------
    parameters : Parameters
    noise : Noise
    protocol : mapping of str to object
        How stimuli are to be shown: ``grey_before`` them, ``duration`` of natural images and of
        the window in which their spikes are counted, ``contrast`` of gratings in whitened space,
        and whether ``pools`` are read as complex cells (`Pools`).

    Examples
    --------
    >>> from ipvae_brian import load_model
    >>> from ipvae_brian.physiology import physiological
    >>> preset = physiological(load_model("photographs-512"))
    >>> preset.noise.shared_gain, preset.protocol["contrast"]
    (0.47, 0.3)
    """

    parameters: Parameters
    noise: Noise
    protocol: Mapping[str, Any]

    def network(self, n_copies: int = 1, **options: Any) -> SpikingNetwork:
        """Return a network with these parameters and this noise.

        Parameters
        ----------
        n_copies : int, default 1
        **options
            Further arguments of `SpikingNetwork`.
        """
        return SpikingNetwork(self.parameters, n_copies=n_copies, noise=self.noise, **options)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: each setting, and why it is so."""
        return table("physiological", {one.name: f"{one.value}: {one.why}" for one in SETTINGS})


def physiological(model: Parameters | Fitted, *, seed: int = 0) -> Preset:
    """Return a model with the preset `physiological`, for comparison with recordings.

    The dictionary stays as it is; everything else is as in `SETTINGS`, whatever it was before.

    Parameters
    ----------
    model : Parameters
        Or a fitted `IPVAE`. Meant for 512 neurons or so and stimuli of standard deviation 1.
    seed : int, default 0
        Of the thresholds that neurons have of their own.

    Returns
    -------
    Preset

    Raises
    ------
    TypeError, ValueError
        If `model` is none, or `seed` is no seed.

    Examples
    --------
    >>> from brian2 import ms
    >>> from ipvae_brian import load_model
    >>> from ipvae_brian.physiology import physiological
    >>> preset = physiological(load_model("photographs-512"))
    >>> preset.parameters
    <Parameters photographs-512: 512 neurons, 256 pixels (16, 16), tau 50. ms>
    >>> network = preset.network(n_copies=20)
    """
    parameters = cast(Parameters, getattr(model, "parameters_", model))
    if not isinstance(parameters, Parameters):
        raise TypeError(
            f"model must be a Parameters or a fitted IPVAE, got {type(parameters).__name__}"
        )
    rng = np.random.default_rng(whole_number(seed, "seed", minimum=0))
    values: dict[str, Any] = {one.name: one.value for one in SETTINGS}
    spread = values.pop("threshold_spread")
    noise = {n.removeprefix("noise."): v for n, v in values.items() if n.startswith("noise.")}
    values = {name: value for name, value in values.items() if not name.startswith("noise.")}
    changed = parameters.with_settings(half_threshold_rate=None, **values)
    factors = np.exp(spread * rng.standard_normal(changed.n_neurons))
    changed = changed.replace(threshold=changed.threshold * factors)
    return Preset(changed, Noise(**noise), FrozenDict(PROTOCOL))
