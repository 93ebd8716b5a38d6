"""How spikes inhibit: three pathways with the same outcome, step by step.

- `Synapses`: every spike inhibits all neurons through the weights W = Phi^T Phi / sigma2.
- `ErrorUnits`: spikes predict the stimulus, explicit units hold the prediction error, and the
  error corrects the neurons: the predictive-coding circuit.
- `Copies`: copies of the network for many stimuli, with one matrix of weights for all of them.

Each has `objects` (what a Brian2 Network needs to run it), `show(stimuli)` for the next stimulus,
`set_parameters(parameters)` for a new dictionary, and `carried`, the Brian2 variables besides the
potential in which something of the last stimulus remains.
"""

import brian2.only as brian
import numpy as np

from ipvae_brian.network import equations
from ipvae_brian.network._brian import array_of

PATHWAYS = ("synapses", "error_units")


class Synapses:
    """Explicit lateral inhibition, one stimulus at a time, with an optional delay.

    Parameters
    ----------
    neurons : brian2.NeuronGroup
        The population; receives its drive directly.
    parameters : Parameters
    options : dict
        Passed to every Brian2 object: clock and codeobj_class.
    delay : Quantity, optional
        Time from a spike to its inhibition; without it, within the same time step.
    """

    def __init__(self, neurons, parameters, options, delay=None):
        self.neurons = neurons
        self.axons = None
        delay_steps = 0 if delay is None else round(float(delay / options["clock"].dt))
        self.objects = []
        if delay_steps:
            self._conduct(delay_steps, options)
        self.lateral = brian.Synapses(
            neurons if self.axons is None else self.axons,
            neurons,
            equations.LATERAL_WEIGHT,
            on_pre=equations.LATERAL_INHIBITION,
            name=f"{neurons.name}_lateral",
            **options,
        )
        # From every neuron, or the end of its axon, to all neurons: pre first, then post.
        every = np.arange(len(neurons))
        self.lateral.connect(i=np.repeat(every, len(every)), j=np.tile(every, len(every)))
        self.objects.append(self.lateral)
        self.set_parameters(parameters)

    def _conduct(self, delay_steps, options):
        """Put axons between the neurons and their synapses; their far ends come first."""
        n_neurons = len(self.neurons)
        self.axons = axons = brian.NeuronGroup(
            n_neurons * delay_steps,
            equations.AXON,
            threshold=equations.SPIKE,
            reset="",
            name=f"{self.neurons.name}_axons",
            **options,
        )
        # From the far end to the neuron, so that each unit is read before it is overwritten.
        unit = np.arange(len(axons))
        axons.newest = unit >= len(axons) - n_neurons
        axons.fired = brian.linked_var(self.neurons, "z", index=unit % n_neurons)
        behind = np.minimum(unit + n_neurons, len(axons) - 1)
        axons.behind = brian.linked_var(axons, "z", index=behind)
        conduct = axons.run_regularly(
            equations.CONDUCT, when="end", codeobj_class=options["codeobj_class"]
        )
        self.objects += [axons, conduct]

    @property
    def carried(self):
        """Brian2 variables that hold spikes under way."""
        return [] if self.axons is None else [self.axons.z]

    def set_parameters(self, parameters):
        self.parameters = parameters
        self.lateral.weight = parameters.lateral_weights.T.ravel()

    def stimulus_values(self, stimuli):
        """The Brian2 variable that holds the stimulus, and its values."""
        return self.neurons.drive, self.parameters.drive(stimuli[0])

    def show(self, stimuli):
        drive, values = self.stimulus_values(stimuli)
        drive[:] = values


class ErrorUnits:
    """Inhibition through explicit prediction-error units, one stimulus at a time.

    Within a time step: spikes -> `predict` synapses -> error units -> `lateral` synapses.
    """

    carried = ()

    def __init__(self, neurons, parameters, options):
        names = equations.namespace(parameters)
        n_pixels = parameters.n_pixels
        self.units = brian.NeuronGroup(
            n_pixels,
            equations.ERROR_UNIT,
            events={"mismatch": "prediction_error != 0"},
            namespace=names,
            name=f"{neurons.name}_error_units",
            **options,
        )
        self.predict = brian.Synapses(
            neurons,
            self.units,
            equations.PREDICTION_WEIGHT,
            on_pre=equations.PREDICT,
            name=f"{neurons.name}_predict",
            **options,
        )
        self.lateral = brian.Synapses(
            self.units,
            neurons,
            equations.PREDICTION_WEIGHT,
            on_pre=equations.CORRECT,
            on_event="mismatch",
            namespace=names,
            name=f"{neurons.name}_lateral",
            **options,
        )
        self.predict.connect()
        self.lateral.connect()
        # The error is known only after the predictions of this step have arrived.
        self.units.set_event_schedule("mismatch", when="synapses", order=1)
        self.lateral.pre.order = 2
        forget = self.units.run_regularly(
            equations.FORGET, when="resets", codeobj_class=options["codeobj_class"]
        )
        self.objects = [self.units, self.predict, self.lateral, forget]
        self.set_parameters(parameters)

    def set_parameters(self, parameters):
        self.predict.weight = parameters.dictionary.T.ravel()
        self.lateral.weight = parameters.dictionary.ravel()

    def stimulus_values(self, stimuli):
        """The Brian2 variable that holds the stimulus, and its values."""
        return self.units.stimulus, stimuli[0]

    def show(self, stimuli):
        stimulus, values = self.stimulus_values(stimuli)
        stimulus[:] = values


class Copies:
    """Inhibition within each of many copies of the population, by one matrix product a step."""

    carried = ()

    def __init__(self, neurons, parameters, options, n_copies):
        self.neurons = neurons
        self.n_copies = n_copies
        self.lateral = brian.NetworkOperation(
            self.inhibit, clock=options["clock"], when="synapses", name=f"{neurons.name}_lateral"
        )
        self.objects = [self.lateral]
        self.set_parameters(parameters)

    def set_parameters(self, parameters):
        self.parameters = parameters
        # Row i: what one spike of neuron i takes from every neuron.
        self.inhibition = parameters.lateral_weights * parameters.natural_gradient_step

    def inhibit(self):
        counts = array_of(self.neurons, "z").reshape(self.n_copies, -1)
        potential = array_of(self.neurons, "u").reshape(self.n_copies, -1)
        potential -= counts.astype(self.inhibition.dtype) @ self.inhibition

    def show(self, stimuli):
        drive = array_of(self.neurons, "drive").reshape(self.n_copies, -1)
        drive[:] = self.parameters.drive(np.asarray(stimuli))
