"""The iterative Poisson VAE after its paper, in PyTorch on the CPU, trained by back-propagation.

Written from Vafaii, Galor & Yates 2025 (arXiv 2410.19315) and the settings of its published runs;
no code is taken over. One inference step on a batch of stimuli x (B, M), from potentials u (B, K):

1. draw z ~ Poisson(exp(u));
2. error = (x - Phi z) / sigma^2 and change = step * (Phi^T error - bias);
3. clamp the change, add it, clamp the potential: below at -8, above softly at `clamp`;
4. draw again, z' ~ Poisson(exp(u)), and reconstruct Phi z';
5. reconstruction loss, the negative log likelihood of x; Kullback-Leibler (KL) loss of the new
   posterior from the old one, which is the prior of online inference.

That is two draws, three products with the dictionary, one exponential function of the potentials
(the rates after a step are those before the next) and two soft clamps. A training iteration does
16 such steps with draws that can be differentiated, goes back through all of them, and takes one
step of Adamax.

What differs from the published runs is there for a training of minutes rather than hours: columns
start at length 0.12 and potentials at -2 instead of next to nothing, temperatures fall from 0.2 to
0.05 instead of from 1 to 0.01, the KL is the exact one (the published code multiplies its bracket
by the posterior rate, which punishes the first steps from a low start so much that short trainings
end in silence), and beta is the one of those tried that then does best.
"""

import math

import torch
from scipy.stats import poisson
from torch import nn
from torch.nn import functional

from benchmarks.baselines.distributions import poisson_kl

# TrainingSettings of the published runs on natural images.
LOWEST = -8.0
CLAMP = 10.0
# Of log standard deviations, or pixels that never change would count without limit.
CLAMP_LOG_SIGMA = 3.45
N_STEPS = 16
LEARNING_RATE = 0.005
WEIGHT_DECAY = 3e-4
LARGEST_GRADIENT = 300.0
# TrainingSettings for short trainings.
BETA = 8.0
COLUMN_LENGTH = 0.12
START = -2.0
HOT, COLD = 0.2, 0.05
# An event this many temperatures after the end counts less than 1e-5.
NEGLIGIBLE = 12.0
# Counts above this quantile from the top are cut off in training.
UNLIKELY = 1e-3


class RelaxedPoisson(torch.autograd.Function):
    """Poisson counts that can be differentiated: arrivals of a Poisson process, counted softly.

    The n-th event arrives at the sum of n exponential numbers over the rate; it counts
    sigmoid((1 - arrival) / temperature). The derivative with respect to the log rate is worked out
    on the way, so the graph holds one array rather than every event, and an event is drawn only
    where the one before could still count: the same draws as the paper's at a fraction of the cost.
    As there, events are no more than all but a thousandth of counts at the highest rate.
    """

    @staticmethod
    def forward(context, potential, temperature):
        """Draw counts, and keep their derivative."""
        counts = torch.zeros_like(potential)
        slope = torch.zeros_like(potential)
        flat_counts, flat_slope = counts.view(-1), slope.view(-1)
        waits = torch.exp(-potential).view(-1)
        arrivals = exponential_like(waits).mul_(waits)
        latest = 1 + NEGLIGIBLE * temperature
        where = None
        for _ in range(int(poisson.ppf(1 - UNLIKELY, float(potential.max().exp())))):
            near = (arrivals < latest).nonzero().view(-1)
            if not len(near):
                break
            arrivals, waits = arrivals[near], waits[near]
            where = near if where is None else where[near]
            soft = torch.sigmoid((1 - arrivals) / temperature)
            flat_counts.index_add_(0, where, soft)
            flat_slope.index_add_(0, where, soft * (1 - soft) * arrivals / temperature)
            arrivals = arrivals + exponential_like(waits).mul_(waits)
        context.save_for_backward(slope)
        return counts

    @staticmethod
    def backward(context, gradient):
        """Return the gradient with respect to the potential; none for the temperature."""
        (slope,) = context.saved_tensors
        return gradient * slope, None


def exponential_like(values):
    """Draw exponential numbers; the logarithm is several times faster than `exponential_`."""
    return torch.rand_like(values).log_().neg_()


def soft_upper(values, bound):
    """Values that approach `bound` from below: bound - softplus(bound - values)."""
    return bound - functional.softplus(bound - values)


def soft_clamp(values, bound):
    """Return values within +- bound, softly."""
    return bound * torch.tanh(values / bound)


class PoissonVAE(nn.Module):
    """The model: dictionary, bias, step size, noise and starting potential, all learned.

    Parameters
    ----------
    n_pixels, n_neurons : int
    seed : int, default 0
        Of the weights; draws follow `torch.manual_seed`.
    """

    def __init__(self, n_pixels, n_neurons, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        dictionary = torch.randn(n_pixels, n_neurons, generator=generator)
        self.dictionary = nn.Parameter(COLUMN_LENGTH * functional.normalize(dictionary, dim=0))
        self.log_bias = nn.Parameter(torch.full((n_neurons,), -3.0))
        self.log_step = nn.Parameter(torch.zeros(1))
        self.log_sigma = nn.Parameter(torch.zeros(n_pixels))
        self.start = nn.Parameter(torch.full((n_neurons,), START))
        self.clamp = CLAMP

    @classmethod
    def from_parameters(cls, parameters):
        """Return the model whose step is that of a `Parameters` at dt = tau without leak."""
        model = cls(parameters.n_pixels, parameters.n_neurons)
        log_noise = 0.5 * math.log(parameters.noise_variance)
        values = {
            "dictionary": parameters.dictionary,
            "log_step": [math.log(parameters.natural_gradient_step.mean())],
            "log_sigma": [CLAMP_LOG_SIGMA * math.atanh(log_noise / CLAMP_LOG_SIGMA)]
            * parameters.n_pixels,
            "start": parameters.resting_potential,
        }
        with torch.no_grad():
            for name, value in values.items():
                getattr(model, name).copy_(torch.tensor(value, dtype=torch.float32))
            model.log_bias.copy_(torch.tensor(parameters.threshold).clamp(min=1e-12).log())
        return model

    def log_noise(self):
        """Return the log standard deviation of every pixel's noise."""
        return soft_clamp(self.log_sigma, CLAMP_LOG_SIGMA)

    def update(self, potential, stimuli, counts):
        """Potentials after one update by given counts (steps 2 and 3)."""
        error = (stimuli - counts @ self.dictionary.T) * torch.exp(-2 * self.log_noise())
        change = torch.exp(self.log_step) * (error @ self.dictionary - torch.exp(self.log_bias))
        change = soft_upper(change.clamp(min=LOWEST), self.clamp)
        return soft_upper((potential + change).clamp(min=LOWEST), self.clamp)

    def losses(self, potential, prior, stimuli, counts):
        """Reconstruction and KL loss of every stimulus, (B,) each (step 5)."""
        error = (stimuli - counts @ self.dictionary.T) * torch.exp(-self.log_noise())
        constant = self.log_noise().sum() + 0.5 * math.log(2 * math.pi) * stimuli.shape[1]
        reconstruction = 0.5 * (error**2).sum(dim=1) + constant
        return reconstruction, poisson_kl(potential, prior).sum(dim=1)

    @torch.no_grad()
    def infer(self, stimuli, n_steps, after_step=None):
        """Infer static stimuli by `n_steps` steps, all five parts of each.

        Parameters
        ----------
        stimuli : torch.Tensor, shape (B, M)
        n_steps : int
        after_step : callable, optional
            Gets the counts of the second draw of every step.

        Returns
        -------
        counts, potential : torch.Tensor, shape (B, K)
            Of the last step.
        reconstruction, divergence : torch.Tensor, shape (B,)
            Sums over the steps.
        """
        weights = self.dictionary.contiguous()
        back = weights.T.contiguous()
        precision = torch.exp(-2 * self.log_noise())
        step, bias = torch.exp(self.log_step), torch.exp(self.log_bias)
        constant = self.log_noise().sum() + 0.5 * math.log(2 * math.pi) * stimuli.shape[1]
        potential = self.start.expand(len(stimuli), -1).clone()
        rates = torch.exp(potential)
        reconstruction = torch.zeros(len(stimuli))
        divergence = torch.zeros(len(stimuli))
        for _ in range(n_steps):
            error = torch.addmm(stimuli, torch.poisson(rates), back, alpha=-1).mul_(precision)
            change = (error @ weights).sub_(bias).mul_(step).clamp_(min=LOWEST)
            change = functional.softplus(change.neg_().add_(self.clamp)).neg_().add_(self.clamp)
            prior = potential
            potential = (prior + change).clamp_(min=LOWEST).neg_().add_(self.clamp)
            potential = functional.softplus(potential).neg_().add_(self.clamp)
            prior_rates, rates = rates, torch.exp(potential)
            counts = torch.poisson(rates)
            error = torch.addmm(stimuli, counts, back, alpha=-1)
            reconstruction += error.square_().mul_(precision).sum(dim=1).mul_(0.5).add_(constant)
            gained = torch.sub(potential, prior, out=change).sub_(1)
            divergence += gained.mul_(rates).add_(prior_rates).sum(dim=1)
            if after_step is not None:
                after_step(counts)
        return counts, potential, reconstruction, divergence


class Trainer:
    """Back-propagation through the steps of inference.

    Schedules run over the progress of the whole training, from 0 to 1: temperature falls in the
    first half, beta and the clamp rise over the first tenth, a short warm-up of the learning
    rate, then a cosine.

    Parameters
    ----------
    model : PoissonVAE
    n_steps : int, default 16
    beta : float, default 8
    learning_rate : float, default 0.005
        The largest.
    """

    def __init__(self, model, n_steps=N_STEPS, beta=BETA, learning_rate=LEARNING_RATE):
        self.model = model
        self.n_steps = n_steps
        self.beta = beta
        self.learning_rate = learning_rate
        self.optimiser = torch.optim.Adamax(
            model.parameters(), lr=learning_rate, weight_decay=WEIGHT_DECAY
        )

    def iteration(self, stimuli, progress):
        """Learn from one batch; `progress` is the share of the training that has passed.

        Returns
        -------
        float
            The loss before the update.
        """
        model = self.model
        temperature = HOT + (COLD - HOT) * min(progress / 0.5, 1)
        rise = min(progress / 0.1, 1)
        model.clamp = 2 + rise * (CLAMP - 2)
        warm = min(progress / 0.005, 1)
        rate = self.learning_rate * max(warm * 0.5 * (1 + math.cos(math.pi * progress)), 1e-3)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = 0.0
        potential = model.start.expand(len(stimuli), -1)
        for _ in range(self.n_steps):
            prior = potential
            potential = model.update(prior, stimuli, RelaxedPoisson.apply(prior, temperature))
            counts = RelaxedPoisson.apply(potential, temperature)
            reconstruction, divergence = model.losses(potential, prior, stimuli, counts)
            loss = loss + reconstruction.mean() + self.beta * rise * divergence.mean()
        loss = loss / self.n_steps
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        self.optimiser.step()
        return float(loss.detach())
