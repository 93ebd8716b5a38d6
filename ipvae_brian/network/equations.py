"""The Brian2 equations of the network, in one place.

Membrane potential u is the natural logarithm of the firing rate in expected spikes per `tau`.
Each time step, in this order (docs/theory.md explains every term):

1. `DRAW` at the start: counts from the potential before it changes;
2. `MEMBRANE`, one Euler step: feedforward drive, threshold, leak;
3. `LATERAL_INHIBITION` along the synapses: every spike times its count, none lost;
4. `BOUND` at the end: potentials stay within their bounds.

With an adaptive prior, `ADAPTIVE_MEMBRANE` takes the place of `MEMBRANE`, and `REMEMBER` at the end
keeps each neuron's recent rate.

The strings are public: use them in a NeuronGroup of your own, with `namespace(parameters)`.
"""

from collections.abc import Collection
from typing import Any

from ipvae_brian.model.parameters import Parameters

MEMBRANE = """
du/dt = (natural_gradient_step*(drive - threshold) - leak*(u - resting_potential))/tau : 1
dexpected_count/dt = rate : 1     # what the Poisson count would be on average, in a window
rate = exp(u)/tau : Hz
drive : 1                         # Phi^T x / sigma2; zero where error units deliver it
threshold : 1 (constant)
resting_potential : 1 (constant)
natural_gradient_step : 1 (constant)
z : integer                       # spikes of this neuron in this time step, 0, 1, 2, ...
"""

# The same with an adaptive prior: the threshold is half of itself at `half_threshold_rate`.
ADAPTIVE_MEMBRANE = (
    MEMBRANE.replace("drive - threshold", "drive - threshold/(1 + recent_rate/half_threshold_rate)")
    + "recent_rate : 1                   # the neuron's own spikes per tau, of late\n"
)
# A moving average of spikes per tau, whose weights fall to 1/e over threshold_memory*tau.
REMEMBER = """
remembered = exp(-dt/(threshold_memory*tau))
recent_rate = remembered*recent_rate + (1 - remembered)*z*tau/dt
"""

# The variables of the engines that take the step themselves, for many copies of the population.
COPIES = """
u : 1
rate = exp(u)/tau : Hz
drive : 1
recent_rate : 1
z : integer
"""

# With noise, `noisy_drive` takes the place of the drive (`with_noise`), and these are added for
# what there is of it. Every kind of noise has a variance of 1, and its size is elsewhere.
NOISE_OF_NEURONS = {
    "pixel": "pixel_drive : 1                   # what the noise of pixels drives\n"
    "pixel_share : 1 (linked)\n",
    "drive": "drive_noise : 1\ndrive_size : 1 (constant)\n",
    "gain": "gain_noise : 1\n",
    "shared_gain": "trial_gain : 1 (linked)\n",
}
TRIAL_AGE = "age : integer (linked)\n"

# One unit for each copy, which knows when its trial began and what gain all its neurons have.
TRIAL = """
age : integer                     # time steps since potentials were at rest
trial_gain : 1
pixel_share : 1                   # of the noise of pixels, what a normalisation leaves
"""
BEGIN_TRIAL = """
begins = int(age == 0)
trial_gain += begins*(exp(shared_gain*randn() - shared_gain**2/2) - trial_gain)
"""
AGE = "age += 1"

PIXEL = "pixel_noise : 1\n" + TRIAL_AGE
# From the pixels' noise to the neurons' drive, with weights pixel_size*Phi/sigma2.
PIXEL_WEIGHT = """
weight : 1 (constant)
pixel_drive_post = weight*pixel_noise_pre : 1 (summed)
"""

DRAW = "z = poisson(rate*dt)"

# Compares counts instead of crossing a potential, so that counts above one are one event.
SPIKE = "z > 0"

BOUND = "u = clip(u, lowest_potential, highest_potential)"

# Neurons with graded activity: iterative Gaussian inference (`RateNetwork`). The potential is the
# mean of a Gaussian posterior, and the activity z a sample of it, so that errors also tell how
# certain the code is.
RATE_MEMBRANE = """
du/dt = (natural_gradient_step*(deviation**2*slope*mismatch - threshold) - pull)/tau : 1
dlog_deviation/dt = natural_gradient_step*slope*mismatch*noise*deviation/(2*tau) : 1
dexpected_count/dt = clip(u, lowest_activity, inf)/tau : 1   # of the mean, in a window
pull = leak*(u - resting_potential) : 1
deviation = exp(log_deviation) : 1
mismatch = drive - inhibition : 1          # Phi^T (x - Phi z) / sigma2
slope = int(z > lowest_activity) : 1       # of the activity as a function of the sample
drive : 1
inhibition : 1                             # W z of this time step
threshold : 1 (constant)
resting_potential : 1 (constant)
natural_gradient_step : 1 (constant)
noise : 1                                  # standard normal, drawn in every step
z : 1                                      # activity
"""
# The same without noise: the step is along the gradient itself, and nothing tells of certainty.
PREDICTIVE_MEMBRANE = """
du/dt = (natural_gradient_step*(slope*mismatch - threshold) - leak*(u - resting_potential))/tau : 1
dexpected_count/dt = z/tau : 1
mismatch = drive - inhibition : 1
slope = int(z > lowest_activity) : 1
drive : 1
inhibition : 1
threshold : 1 (constant)
resting_potential : 1 (constant)
natural_gradient_step : 1 (constant)
z : 1
"""
SAMPLE = """
noise = randn()
z = clip(u + deviation*noise, lowest_activity, inf)
"""
RESPOND = "z = clip(u, lowest_activity, inf)"

# W_ji = phi_j . phi_i / sigma2 from neuron i (pre) to neuron j (post).
LATERAL_WEIGHT = "weight : 1 (constant)"
LATERAL_INHIBITION = "u_post -= natural_gradient_step_post*weight*z_pre"

# A delay line for every neuron, one unit for each time step of delay, moved on at every step. (A
# delay of Brian2's synapses would read the count when the spike arrives, not when it was fired.)
AXON = """
z : integer
newest : boolean (constant)
fired : integer (linked)          # z of the neuron in this time step
behind : integer (linked)         # z of the unit that is one step nearer to the neuron
"""
CONDUCT = "z = int(newest)*fired + int(not newest)*behind"

# The predictive-coding circuit: error units hold x minus what the spikes of this step predict.
ERROR_UNIT = """
stimulus : 1
prediction : 1                    # Phi z of this time step
prediction_error = stimulus*dt/tau - prediction : 1
"""
PREDICTION_WEIGHT = "weight : 1 (constant)"
PREDICT = "prediction_post += weight*z_pre"
CORRECT = "u_post += natural_gradient_step_post*weight*prediction_error_pre/noise_variance"
FORGET = "prediction = 0"

# With noise of the stimulus, which error units share with all neurons.
NOISE_OF_ERROR_UNITS = {
    "pixel": "pixel_noise : 1 (linked)\npixel_share : 1 (linked)\n",
    "shared_gain": "trial_gain : 1 (linked)\n",
}


def noisy_stimulus(terms: Collection[str]) -> str:
    """Return the statement that makes the noisy stimulus of error units, with `terms` of noise."""
    stimulus = "(stimulus + pixel_share*pixel_size*pixel_noise)" if "pixel" in terms else "stimulus"
    gain = "trial_gain*" if "shared_gain" in terms else ""
    return f"noisy_stimulus = {gain}{stimulus}"


def with_noise(equations: str, terms: Collection[str]) -> str:
    """Return equations of neurons with noise in their drive.

    Parameters
    ----------
    equations : str
        In which the drive is what "(drive - " begins with.
    terms : collection of {"pixel", "drive", "gain", "shared_gain"}
        What noise there is, see `Noise`.
    """
    if not terms:
        return equations
    drive = "(drive + pixel_share*pixel_drive)" if "pixel" in terms else "drive"
    if "gain" in terms:
        drive = "exp(gain_size*gain_noise - gain_size**2/2)*" + drive
    if "shared_gain" in terms:
        drive = "trial_gain*" + drive
    if "drive" in terms:
        drive += " + drive_size*drive_noise"
    added = [f"noisy_drive = {drive} : 1\n", *(NOISE_OF_NEURONS[name] for name in terms)]
    if "drive" in terms or "gain" in terms:
        added.append(TRIAL_AGE)
    return equations.replace("(drive - ", "(noisy_drive - ") + "".join(added)


def error_unit_with_noise(terms: Collection[str]) -> str:
    """Return the equations of error units with noise in their stimulus, as in `with_noise`."""
    terms = [name for name in NOISE_OF_ERROR_UNITS if name in terms]
    if not terms:
        return ERROR_UNIT
    # A variable of its own, because synapses cannot reach what is linked.
    added = ["noisy_stimulus : 1\n", *(NOISE_OF_ERROR_UNITS[name] for name in terms)]
    return ERROR_UNIT.replace("= stimulus*", "= noisy_stimulus*") + "".join(added)


def fluctuation(name: str) -> str:
    """Return the statements that change a kind of noise, exactly as an Ornstein-Uhlenbeck process.

    Parameters
    ----------
    name : {"pixel", "drive", "gain"}
        Noise is drawn afresh when a trial begins, and then changes once in so many steps.
    """
    return f"""
    changes = int(age % steps_between_changes == 0)
    kept = 1 - changes*(1 - int(age > 0)*{name}_kept)
    {name}_noise = kept*{name}_noise + sqrt(1 - kept**2)*randn()
    """


# A contrast g that is inferred together with the spikes: x = g Phi z + noise (`contrast`). One unit
# holds log g. It leaks to its mean, and every spike raises it by what the spike costs; neurons see
# the stimulus times g, and their spikes explain g times as much of it.
CONTRAST_MEMBRANE = (
    MEMBRANE.replace("drive - threshold", "contrast*drive - threshold")
    + "log_contrast : 1 (linked)         # of the unit\ncontrast : 1\n"
)
# At the start of every step, because synapses cannot read a linked variable.
SEE_CONTRAST = "contrast = exp(log_contrast)"
CONTRAST_UNIT = """
dlog_contrast/dt = (log_contrast_mean - log_contrast)/(contrast_memory*tau) : 1
"""
CONTRAST_INHIBITION = "u_post -= natural_gradient_step_post*contrast_post**2*weight*z_pre"
COST_OF_SPIKES = "log_contrast_post += log_contrast_variance*threshold_pre*z_pre/contrast_memory"


def namespace(parameters: Parameters) -> dict[str, Any]:
    """Return the names that the equations need besides the neurons' own variables.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    dict
        tau (a Brian2 quantity), leak, noise_variance, the bounds of the potential, and what the
        adaptive prior needs if there is one.
    """
    names = {
        "tau": parameters.tau,
        "leak": parameters.leak,
        "noise_variance": parameters.noise_variance,
        "lowest_potential": parameters.lowest_potential,
        "highest_potential": parameters.highest_potential,
    }
    if parameters.half_threshold_rate is not None:
        names["half_threshold_rate"] = parameters.half_threshold_rate
        names["threshold_memory"] = parameters.threshold_memory
    return names
