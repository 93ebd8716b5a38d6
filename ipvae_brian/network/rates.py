"""Networks with graded activity: the Gaussian counterparts of the spiking network.

Iterative Gaussian inference (the iG-VAE of Vafaii, Galor & Yates 2025), its form with rectified
activity, and predictive coding (Rao & Ballard 1999), which has no noise. They are presented with
the same stimuli and give the same `Response`, in which counts are the mean activity in each window.
"""

import math
from collections.abc import Mapping
from typing import Any

import brian2.only as brian
import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.checks import known_name, number
from ipvae_brian._tools.html import table
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import DivergenceError, StabilityWarning
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.model.summary import facts, picture
from ipvae_brian.network import equations
from ipvae_brian.network.arguments import Neurons
from ipvae_brian.network.base import BaseNetwork
from ipvae_brian.network.circuits import Circuit, EquationCircuit
from ipvae_brian.network.divergence import FACTOR, Bound
from ipvae_brian.network.presenter import RuntimeRunner
from ipvae_brian.network.stability_limit import MARGIN

# The lowest activity of each kind.
ACTIVATIONS = {"identity": -math.inf, "relu": 0.0}
LARGEST_POTENTIAL = 20.0


class RateCircuit(EquationCircuit):
    """Copies of a population whose activity is a sample of the posterior, or its mean.

    Parameters
    ----------
    parameters, clock, target, **options
        As for `Circuit`.
    activation : {"identity", "relu"}
    deviation : float
        Standard deviation of the posterior at rest; 0 for activity without noise.
    """

    label = "rates"
    count_type = np.float64
    spike = None
    operations = ((equations.BOUND, "end"),)

    def __init__(
        self,
        parameters: Parameters,
        clock: Any,
        target: Any = None,
        *,
        activation: str,
        deviation: float,
        **options: Any,
    ):
        self.deviation = deviation
        self.lowest_activity = ACTIVATIONS[activation]
        noisy = deviation > 0
        self.equations = equations.RATE_MEMBRANE if noisy else equations.PREDICTIVE_MEMBRANE
        super().__init__(parameters, clock, target, **options)
        self._step = float(clock.dt) / float(parameters.tau)
        self.regularly(self.neurons, equations.SAMPLE if noisy else equations.RESPOND, "start")
        self.lateral = brian.NetworkOperation(
            self.inhibit, clock=clock, when="start", order=2, name=f"{self.neurons.name}_lateral"
        )
        self.objects.append(self.lateral)
        self.set_parameters(parameters)

    def _names(self, parameters: Parameters) -> dict[str, Any]:
        return super()._names(parameters) | {"lowest_activity": self.lowest_activity}

    @property
    def carried(self) -> Mapping[Any, Any]:
        """How wide the posterior is, where there is one."""
        return {self.neurons.log_deviation: math.log(self.deviation)} if self.deviation else {}

    def set_parameters(self, parameters: Parameters) -> None:
        """Put in the constants and the weights."""
        super().set_parameters(parameters)
        self.weights = parameters.lateral_weights

    def inhibit(self) -> None:
        """Work out what the activity of this time step explains of the drive."""
        np.matmul(self._by_copy("z"), self.weights, out=self._by_copy("inhibition"))

    def after_step(self) -> None:
        """Add up the activity of this time step."""
        self._counts += self._step * self._step_counts
        self._expected_counts[:] = self._expected_count

    def diverged(
        self, stimuli: NDArray, counts: NDArray, bound: Bound, n_steps: int
    ) -> NDArray[np.bool_]:
        """Return which copies explain their stimulus worse than silence would, by far."""
        length = n_steps * self._step
        scaled = self.parameters.scaled
        missed = np.square(scaled(length * stimuli - self.parameters.decode(counts))).sum(axis=1)
        energy = np.square(scaled(stimuli)).sum(axis=1)
        # Samples are noisy even where their mean is right.
        noise = (self.deviation * self.parameters.spike_sizes) ** 2
        # Not a number exceeds everything.
        return ~(missed <= FACTOR * (length**2 * energy + self._step * length * noise.sum()))


class RateNetwork(BaseNetwork):
    """Neurons with graded activity that infer a stimulus: iterative Gaussian inference.

    Each neuron holds the mean (its potential) and the standard deviation of a Gaussian posterior.
    In every time step it draws its activity from it, and both follow the natural gradient of the
    expected likelihood. With ``deviation=0`` activity has no noise, and the network does
    predictive coding.

    Parameters
    ----------
    parameters : Parameters
        Or a fitted `IPVAE`. Dictionary, thresholds, steps and leak are taken; resting potentials
        and bounds are those of log rates and are not.
    activation : {"identity", "relu"}, default "identity"
        Of the sample; "relu" keeps activity at zero or above.
    deviation : float, default 1
        Standard deviation of the posterior at rest, 0 for predictive coding.
    resting_potential : float, default 0
        Mean at which every inference starts and to which the leak pulls.
    n_copies, dt, target, record_potentials
        As for `SpikingNetwork`; dt = tau is the published update.
    name : str, default "rates"
        Beginning of the names of all Brian2 objects.

    Raises
    ------
    TypeError, ValueError
        For wrong arguments; the message names them.

    References
    ----------
    Vafaii, Galor & Yates 2025, arXiv 2410.19315 (iG-VAE); Rao & Ballard 1999,
    doi:10.1038/4580 (predictive coding).

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from ipvae_brian import Parameters, RateNetwork
    >>> model = Parameters(dictionary=np.eye(4), natural_gradient_step=2)
    >>> network = RateNetwork(model, deviation=0, n_copies=4)
    >>> response = network.present(np.eye(4), 200 * ms)
    >>> response.r2().round(3)
    array([1., 1., 1., 1.])
    """

    rate_type = np.float64

    def __init__(
        self,
        parameters: Parameters,
        *,
        activation: str = "identity",
        deviation: float = 1.0,
        resting_potential: float = 0.0,
        n_copies: int = 1,
        dt: Time | None = None,
        target: str | None = None,
        record_potentials: Neurons = (),
        name: str = "rates",
    ):
        super().__init__(
            parameters,
            n_copies=n_copies,
            target=target,
            record_potentials=record_potentials,
            record_spikes=False,
            name=name,
        )
        if self._runner_class is not RuntimeRunner:
            raise ValueError("RateNetwork does not run in C++ standalone mode")
        self.activation = known_name(activation, "activation", tuple(ACTIVATIONS))
        self.deviation = number(deviation, "deviation", minimum=0)
        start = number(resting_potential, "resting_potential")
        if abs(start) > LARGEST_POTENTIAL:
            raise ValueError(
                f"resting_potential must lie within +-{LARGEST_POTENTIAL:g}, got {start:g}"
            )
        self._parameters = self._own(self._parameters, start)
        if self._parameters.half_threshold_rate is not None:
            raise ValueError("parameters: half_threshold_rate counts spikes, which are not here")
        self._build_at(dt)

    @staticmethod
    def _own(parameters, start):
        """Return parameters with potentials that are means of activity, not log rates."""
        return parameters.replace(
            resting_potential=start,
            lowest_potential=-LARGEST_POTENTIAL,
            highest_potential=LARGEST_POTENTIAL,
        )

    def set_parameters(self, parameters: Parameters) -> None:
        """Put in a new dictionary (and constants), keeping the shape, tau and leak."""
        super().set_parameters(self._own(parameters, float(self.parameters.resting_potential[0])))

    def _make_circuit(self, clock: Any) -> Circuit:
        return RateCircuit(
            self.parameters,
            clock,
            self.target,
            n_copies=self.n_copies,
            rate_type=self.rate_type,
            name=self.name,
            activation=self.activation,
            deviation=self.deviation,
        )

    # Which time step is stable: potentials overshoot where a step goes beyond twice the distance.

    def _loop_gain(self) -> float:
        """Return the largest rate at which errors are corrected, per tau."""
        p = self.parameters
        largest = np.linalg.norm(p.scaled_dictionary, 2) ** 2 / p.noise_variance
        return float(p.natural_gradient_step.max() * (self.deviation**2 or 1.0) * largest + p.leak)

    def _stable_dt(self, stimuli: NDArray, start: NDArray | None = None) -> float:
        steps = max(1, math.ceil(self._loop_gain() / (2 * MARGIN)))
        return float(self.parameters.tau) / steps

    def check_dt(self, stimuli: NDArray, dt_seconds: float, start: NDArray | None = None) -> None:
        """Warn if the time step may not be stable, for any stimuli."""
        used = self._loop_gain() * dt_seconds / float(self.parameters.tau) / 2
        if used > MARGIN:
            warn_user(
                f"dt = {dt_seconds * 1e3:g} ms uses {used:.2g} of the stability limit, and up to "
                f"{MARGIN} is safe; {self.advice(stimuli, dt_seconds)}",
                StabilityWarning,
            )

    def check_start(self, start: NDArray, dt_seconds: float) -> None:
        """Do nothing: the equations are as stable everywhere."""

    def advice(self, stimuli: NDArray, dt_seconds: float) -> str:
        """Return what to do if stimuli (n_stimuli, n_pixels) diverged at a time step."""
        return f"use dt={self._stable_dt(stimuli) * 1e3:g}*ms"

    def _require_code(self, wave, outcome, first, frames):
        """Raise DivergenceError if a copy ran away."""
        which = np.flatnonzero(outcome.diverged[: wave.used])
        if len(which):
            raise DivergenceError(
                f"activity diverged for {len(which)} of {wave.used} stimuli, first number "
                f"{first + which[0]}, at dt = {self._dt_seconds * 1e3:.3g} ms; "
                f"{self._advice(frames, self._dt_seconds)}, or a smaller natural_gradient_step, or "
                "check that stimuli are z-scored"
            )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: activity, time step, model and dictionary."""
        dt = "chosen at the first presentation" if self.dt is None else str(self.dt)
        said = {"activation": self.activation, "deviation": self.deviation}
        said |= {"copies": self.n_copies, "time step": dt}
        return table("RateNetwork", said | facts(self.parameters), picture(self.parameters))

    def __repr__(self):
        clock = "dt not chosen yet" if self.dt is None else f"dt {self.dt!s}"
        kind = f"deviation {self.deviation:g}" if self.deviation else "no noise"
        return (
            f"<RateNetwork {self.activation!r}, {kind}, {self.n_copies} x "
            f"{self.parameters.n_neurons} neurons, {clock}, tau {self.parameters.tau!s}>"
        )
