"""The spiking network: neurons, lateral inhibition and monitors in one explicit Brian2 network."""

from typing import Any

import numpy as np
from brian2.only import second
from numpy.typing import NDArray

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.checks import known_name, seconds
from ipvae_brian._tools.html import table
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import StabilityWarning
from ipvae_brian.model.parameters import Fitted, Parameters
from ipvae_brian.model.summary import facts, picture
from ipvae_brian.network.arguments import Neurons, steps_per_tau
from ipvae_brian.network.base import BaseNetwork
from ipvae_brian.network.circuits import Circuit
from ipvae_brian.network.drive_step import check_drive_dt, choose_drive_dt
from ipvae_brian.network.engines.choice import choose_circuit
from ipvae_brian.network.lateral import LATERAL
from ipvae_brian.network.loop_gain import Loop
from ipvae_brian.network.noise import TERMS, Noise
from ipvae_brian.network.stability import advice, check_dt, check_start, choose_dt
from ipvae_brian.network.stability_limit import MARGIN

PRECISIONS = {"single": np.float32, "double": np.float64}


class SpikingNetwork(BaseNetwork):
    """Neurons that infer a stimulus by spiking and inhibiting each other.

    Parameters
    ----------
    parameters : Parameters
        Or a fitted `IPVAE`, of which those that it has learned are taken.
    pathway : {"synapses", "error_units"}, optional
        How the spikes of one population inhibit: directly, through synapses between the neurons
        (the default), or through explicit units that hold the prediction error.
    n_copies : int, default 1
        Copies of the population, each of which is shown a stimulus of its own at the same time.
    dt : Quantity, optional
        Time step, at most tau and a whole fraction of it. Without it the first presentation
        chooses one (`ipvae_brian.network.stability.choose_dt`) and halves it should the run
        diverge.
    delay : Quantity, optional
        Time from a spike to its inhibition, with the pathway "synapses".
    lateral : {"all", "self", "off"}, default "all"
        Which neurons a spike inhibits: all of them, only the one that fired it (each then codes
        the stimulus as if it were alone), or none (only a leak then holds rates back). The pathway
        "error_units" has one error for all neurons, so it cannot do "self".
    noise : Noise, optional
        Noise of stimulus, drive and gains; without it, spikes are all that is random.
    engine : {"events", "numba", "numpy", "brian2"}, optional
        What takes the time steps. "brian2" runs the Brian2 equations as they stand, and is the
        default for one population. "events", the default for several copies, simulates them in
        continuous time, spike by spike, and needs Numba; dt, which must be below tau, is then only
        the step in which drive acts and potentials are recorded. "numpy" takes the step of the
        equations in few passes over all copies, and "numba" has it compiled by Numba; the faster
        of these two that is installed takes over where "events" is not installed or cannot
        simulate the parameters, which a warning says, and for discrete updates, dt = tau.
    precision : {"single", "double"}, optional
        Of the potentials of copies; by default double with "brian2", otherwise single.
    target : {"numpy", "cython"}, optional
        Code generation for this network; by default what ``prefs.codegen.target`` says, where
        "auto" means NumPy, which needs no compiler and starts at once.
    record_potentials : iterable of int, slice, bool or "all", default ()
        Neurons whose membrane potential is recorded at every time step, in every copy; True or
        "all" for all of them.
    record_spikes : bool, optional
        Whether to keep spike times; by default with one copy only.
    name : str, default "ipvae"
        Beginning of the names of all Brian2 objects.

    Attributes
    ----------
    dt : Quantity or None
        The time step; None until it is known.
    neurons : brian2.NeuronGroup
    lateral : brian2.Synapses or brian2.NetworkOperation
    circuit : Circuit
        Its `objects` are all Brian2 objects of the circuit, such as the error units.
    spike_monitor, potential_monitor : brian2 monitors or None
    clock : brian2.Clock
    brian_network : brian2.Network
        Holds all of them; `add` puts your own objects there.
    engine, precision : str
    checked_energy : float
        Of the strongest stimulus for which `dt` is known to be stable or was warned of.

    Raises
    ------
    TypeError, ValueError
        For wrong arguments; the message names them.
    ImportError
        If what an engine needs is not installed.

    Notes
    -----
    The Brian2 objects exist once `dt` is known: at construction if it is given, otherwise from
    the first presentation on or after `build(stimuli)`. No preference, clock or device of Brian2
    is changed. Under the C++ standalone device (set by the user with ``build_on_run=False``) one
    copy is simulated; see `ipvae_brian.network.standalone`.

    Examples
    --------
    >>> from brian2 import ms
    >>> from ipvae_brian import SpikingNetwork, load_model
    >>> from ipvae_brian.stimuli import load_stimuli
    >>> patches = load_stimuli("photographs", n_train=10, n_validation=5)
    >>> network = SpikingNetwork(load_model("photographs-512"))
    >>> response = network.present(patches.validation[0], 40 * ms, seed=1)
    >>> response.counts.shape
    (1, 2, 512)
    """

    def __init__(
        self,
        parameters: Parameters | Fitted,
        *,
        pathway: str | None = None,
        n_copies: int = 1,
        dt: Time | None = None,
        delay: Time | None = None,
        lateral: str = "all",
        noise: Noise | None = None,
        engine: str | None = None,
        precision: str | None = None,
        target: str | None = None,
        record_potentials: Neurons = (),
        record_spikes: bool | None = None,
        name: str = "ipvae",
    ):
        super().__init__(
            parameters,
            n_copies=n_copies,
            target=target,
            record_potentials=record_potentials,
            record_spikes=record_spikes,
            name=name,
        )
        if engine is None:
            engine = self._runner_class.default_engine(
                n_copies, self.parameters, steps_per_tau(dt, self.parameters)
            )
        self._circuit_class = choose_circuit(pathway, n_copies, engine)
        self._runner_class.require_circuit(engine, n_copies)
        allowed = self._circuit_class.precisions
        if precision is not None and len(allowed) == 1:
            raise ValueError("precision needs n_copies > 1, or another engine than 'brian2'")
        self.precision = known_name(precision or allowed[0], "precision", allowed)
        self.rate_type = PRECISIONS[self.precision]
        if delay is not None and not self._circuit_class.takes_delay:
            raise ValueError("delay needs pathway 'synapses' and n_copies 1")
        self._delay_seconds = 0.0 if delay is None else seconds(delay, "delay", allow_zero=True)
        self._reach = known_name(lateral, "lateral", LATERAL)
        if lateral not in self._circuit_class.reaches:
            raise ValueError(
                f"lateral {lateral!r} needs pathway 'synapses' or an engine for copies: the "
                "prediction error is one for all neurons, and can leave out no single one of them"
            )
        if self._reach == "off" and self.parameters.leak == 0:
            warn_user(
                "lateral 'off' without a leak: nothing holds potentials back, which rise to "
                "highest_potential; give the parameters a leak",
                StabilityWarning,
            )
        self._noise = self._checked_noise(noise)
        self._build_at(dt)

    @property
    def engine(self) -> str:
        """Name of what takes the time steps."""
        return self._circuit_class.engine

    def _checked_noise(self, noise):
        if noise is None:
            return Noise()
        if not isinstance(noise, Noise):
            raise TypeError(f"noise must be a Noise, got {type(noise).__name__}")
        for name in TERMS:
            if getattr(noise, name) and name not in self._circuit_class.noises:
                raise ValueError(
                    f"noise: {name} must be 0 with {self._circuit_class.label!r}, got "
                    f"{getattr(noise, name):g}"
                )
        return noise

    @property
    def noise(self) -> Noise:
        """Noise of stimulus, drive and gains."""
        return self._noise

    @property
    def _loop(self) -> Loop:
        """What stability depends on, besides stimuli and noise."""
        return Loop(self.parameters, self._delay_seconds, self._reach)

    def _make_circuit(self, clock: Any) -> Circuit:
        options: dict[str, Any] = {
            "n_copies": self.n_copies,
            "rate_type": self.rate_type,
            "reach": self._reach,
            "noise": self._noise,
        }
        if self._circuit_class.takes_delay:
            options["delay"] = self._delay_seconds * second
        return self._circuit_class(self.parameters, clock, self.target, name=self.name, **options)

    def _stable_dt(self, stimuli: NDArray, start: NDArray | None = None) -> float:
        stimuli = self._noise.at_its_strongest(stimuli)
        if self._circuit_class.in_continuous_time:
            return choose_drive_dt(self._loop, stimuli)
        # With the user's own objects in it, a run cannot be repeated at half the step.
        margin = MARGIN / 2 if self._additions else MARGIN
        return choose_dt(self._loop, stimuli, margin=margin, start=start)

    def check_dt(self, stimuli: NDArray, dt_seconds: float, start: NDArray | None = None) -> None:
        """Warn if the time step may not be stable for stimuli (n_stimuli, n_pixels)."""
        stimuli = self._noise.at_its_strongest(stimuli)
        if self._circuit_class.in_continuous_time:
            return check_drive_dt(self._loop, stimuli, dt_seconds)
        return check_dt(self._loop, stimuli, dt_seconds, start)

    def check_start(self, start: NDArray, dt_seconds: float) -> None:
        """Warn if the time step may not be stable for potentials (n_copies, n_neurons)."""
        if not self._circuit_class.in_continuous_time:
            check_start(self._loop, start, dt_seconds)

    def advice(self, stimuli: NDArray, dt_seconds: float) -> str:
        """Return what to do if stimuli (n_stimuli, n_pixels) diverged at a time step."""
        stimuli = self._noise.at_its_strongest(stimuli)
        return advice(self._loop, stimuli, dt_seconds)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: circuit, time step, model and dictionary."""
        dt = "chosen at the first presentation" if self.dt is None else str(self.dt)
        said = {"circuit": self._circuit_class.label, "copies": self.n_copies, "time step": dt}
        if self._reach != "all":
            said["lateral inhibition"] = self._reach
        if self._noise:
            said["noise"] = str(self._noise)
        if self._delay_seconds:
            said["delay"] = f"{self._delay_seconds * 1e3:g} ms"
        said["records"] = self._records()
        return table("SpikingNetwork", said | facts(self.parameters), picture(self.parameters))

    def _records(self):
        spikes = ["spikes"] if self.record_spikes else []
        potentials = [f"potentials of {len(self.recorded)} neurons"] if self.recorded else []
        return ", ".join(["counts", *spikes, *potentials])

    def __repr__(self):
        clock = "dt not chosen yet" if self.dt is None else f"dt {self.dt!s}"
        return (
            f"<SpikingNetwork {self._circuit_class.label!r}, {self.n_copies} x "
            f"{self.parameters.n_neurons} neurons, {clock}, tau {self.parameters.tau!s}>"
        )
