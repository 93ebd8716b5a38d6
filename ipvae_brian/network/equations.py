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
