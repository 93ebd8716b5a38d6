"""A contrast that is inferred together with the spikes: normalisation by inference.

The stimulus is taken for g Phi z + noise, with a contrast g of which only a prior is known. Where
the rates have settled for a given g, the gradient of the free energy with respect to log g is the
cost of all spikes against the prior of log g, so one unit that adds up costs infers it
(docs/theory.md, section 14, has the derivation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import brian2.only as brian
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, known_name, number, whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network import equations
from ipvae_brian.network._brian import code_object_class
from ipvae_brian.network.lateral import LATERAL, within_reach

# Part of the way to its fixed point that log g goes in an iteration: slower than the rates.
RATE_OF_CONTRAST = 0.05


@dataclass(frozen=True)
class ContrastPrior:
    """What is known of the contrast beforehand, and how fast it is inferred.

    Parameters
    ----------
    mean : float, default -0.5
        Of log g: where it is without spikes.
    deviation : float, default 0.15
        Standard deviation of log g. 0 is the model without an inferred contrast.
    memory : float, default 5
        Time constant of log g, in units of tau: how slowly it follows, compared with potentials.

    Raises
    ------
    TypeError, ValueError
        If a value has the wrong type or range.

    Examples
    --------
    A neuron of its own that sees twice the contrast fires less than twice as much.

    >>> from ipvae_brian import Parameters
    >>> from ipvae_brian.network.contrast import ContrastPrior, infer_contrast
    >>> model = Parameters(dictionary=[[1.0]], threshold=0.5)
    >>> found = infer_contrast(model, [[2.0], [4.0]], ContrastPrior(mean=0, deviation=1))
    >>> found.rates.ravel().round(2), found.contrasts.round(2)
    (array([1.02, 1.65]), array([1.67, 2.29]))
    """

    mean: float = -0.5
    deviation: float = 0.15
    memory: float = 5.0

    def __post_init__(self):
        object.__setattr__(self, "mean", number(self.mean, "mean"))
        object.__setattr__(self, "deviation", number(self.deviation, "deviation", minimum=0))
        object.__setattr__(self, "memory", number(self.memory, "memory", above=0))


class InferredContrast(NamedTuple):
    """Where rates and contrast settle."""

    rates: NDArray[np.floating]
    """Expected spikes per tau, (n_stimuli, n_neurons)."""
    contrasts: NDArray[np.floating]
    """g, (n_stimuli,)."""


def infer_contrast(
    parameters: Parameters,
    stimuli: ArrayLike,
    prior: ContrastPrior,
    *,
    lateral: str = "all",
    n_iterations: int = 400,
) -> InferredContrast:
    """Return rates and contrast at the fixed point of the equations without spiking noise.

    Rates are found by proximal gradient descent at the present contrast, which follows more slowly
    from its mean on, as after a grey screen. If there are several fixed points, it is the one with
    the lowest contrast.

    Parameters
    ----------
    parameters : Parameters
        Without leak and with constant thresholds.
    stimuli : array_like, shape (n_stimuli, n_pixels)
    prior : ContrastPrior
    lateral : {"all", "self"}, default "all"
        Which neurons a spike inhibits.
    n_iterations : int, default 400

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or range, or the parameters have a leak or an
        adaptive prior, for which the cost of spikes is another.
    """
    _require_plain(parameters)
    known_name(lateral, "lateral", [reach for reach in LATERAL if reach != "off"])
    x = finite_array(stimuli, "stimuli", shape=(None, parameters.n_pixels))
    weights = within_reach(parameters.lateral_weights, lateral)
    largest = float(np.linalg.eigvalsh(weights)[-1])
    drive, weights = parameters.drive(x).astype(np.float32), weights.astype(np.float32)
    threshold = parameters.threshold.astype(np.float32)
    rates = np.zeros_like(drive)
    log_contrast = np.full(len(x), prior.mean)
    for _ in range(whole_number(n_iterations, "n_iterations")):
        contrast = np.exp(log_contrast).astype(np.float32)[:, None]
        uphill = drive / contrast - threshold / contrast**2 - rates @ weights
        rates = np.maximum(rates + uphill / largest, 0)
        settled = prior.mean + prior.deviation**2 * (rates @ threshold)
        log_contrast += RATE_OF_CONTRAST * (settled - log_contrast)
    return InferredContrast(rates.astype(float), np.exp(log_contrast))


def contrast_network(
    parameters: Parameters, stimulus: ArrayLike, prior: ContrastPrior, dt: Time, seed: int
) -> tuple[Any, Any, Any]:
    """Return a Brian2 network of the neurons, their synapses and the unit that infers contrast.

    Parameters
    ----------
    parameters : Parameters
        Without leak and with constant thresholds.
    stimulus : array_like, shape (n_pixels,)
        ``neurons.drive`` may be set to that of another one at any time.
    prior : ContrastPrior
    dt : Quantity
    seed : int
        Of Brian2, which is seeded with it.

    Returns
    -------
    network : brian2.Network
    neurons : brian2.NeuronGroup
        With `equations.CONTRAST_MEMBRANE`; potentials are at rest.
    unit : brian2.NeuronGroup
        With `equations.CONTRAST_UNIT`; log g is at its mean.

    Raises
    ------
    TypeError, ValueError
        As for `infer_contrast`.
    """
    _require_plain(parameters)
    x = finite_array(stimulus, "stimulus", shape=(parameters.n_pixels,))
    names = equations.namespace(parameters) | {
        "log_contrast_mean": prior.mean,
        "log_contrast_variance": prior.deviation**2,
        "contrast_memory": prior.memory,
    }
    target = code_object_class("numpy")
    options: dict[str, Any] = {"clock": brian.Clock(dt), "codeobj_class": target}
    groups: dict[str, Any] = {"method": "euler", "namespace": names, **options}
    unit = brian.NeuronGroup(1, equations.CONTRAST_UNIT, **groups)
    neurons = brian.NeuronGroup(
        parameters.n_neurons,
        equations.CONTRAST_MEMBRANE,
        threshold=equations.SPIKE,
        reset="",
        **groups,
    )
    unit.log_contrast = prior.mean
    link = np.zeros(len(neurons), int)
    neurons.log_contrast = brian.linked_var(unit, "log_contrast", index=link)
    for name in ("threshold", "resting_potential", "natural_gradient_step"):
        setattr(neurons, name, getattr(parameters, name))
    neurons.u, neurons.drive = parameters.resting_potential, parameters.drive(x)
    lateral = brian.Synapses(
        neurons, neurons, equations.LATERAL_WEIGHT, on_pre=equations.CONTRAST_INHIBITION, **options
    )
    lateral.connect()
    lateral.weight = parameters.lateral_weights.ravel()
    costs = brian.Synapses(
        neurons, unit, on_pre=equations.COST_OF_SPIKES, namespace=names, **options
    )
    costs.connect()
    steps = [
        neurons.run_regularly(statement, when=when, codeobj_class=target)
        for statement, when in (
            (equations.DRAW, "start"),
            (equations.SEE_CONTRAST, "start"),
            (equations.BOUND, "end"),
        )
    ]
    brian.seed(whole_number(seed, "seed", minimum=0))
    return brian.Network(unit, neurons, lateral, costs, *steps), neurons, unit


def _require_plain(parameters: Parameters) -> None:
    if not isinstance(parameters, Parameters):
        raise TypeError(f"parameters must be a Parameters, got {type(parameters).__name__}")
    if parameters.leak or parameters.half_threshold_rate is not None:
        raise ValueError(
            "parameters must have no leak and constant thresholds: with others, the cost of a "
            "spike is not its threshold"
        )
