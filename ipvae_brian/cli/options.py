"""Options of the command line; no heavy imports here, so that --help answers at once."""

import argparse

from ipvae_brian._version import __version__

# Where the data cannot be told by a folder's or file's name alone.
DATA_NOTES = {
    "photographs": (
        "The 13 grey photographs that come with the package (CC0 and CC-BY, see "
        "ipvae_brian/stimuli/photographs/ATTRIBUTION.md), split by image."
    ),
    "vanhateren": (
        "Patches of the van Hateren natural images (van Hateren & van der Schaaf 1998, "
        "Proc. R. Soc. B 265:359), free for scientific, non-commercial use with that citation. "
        "The images are not part of this package. Whitened with R(f) = f exp(-(f/0.5)^4) as in "
        "the published code and local contrast normalisation, split by image."
    ),
}
# Names of IPVAE's parameters; None leaves IPVAE's own default.
TRAINING_OPTIONS = (
    ("n-neurons", int, "neurons (512)"),
    ("spike-size", float, "what one spike carries"),
    ("gain", float, "kappa of the model"),
    ("sparsity", float, "lambda of the model"),
    ("training-gain", float, "kappa while learning"),
    ("training-sparsity", float, "lambda while learning"),
    ("training-highest-potential", float, "bound of potentials while learning"),
    ("noise-penalty", float, "share of the spike's own noise in the threshold"),
    ("leak", float, "pull to rest per tau"),
    ("tau-ms", float, "membrane time constant (20)"),
    ("steps-per-tau", int, "time steps of training per tau"),
    ("n-epochs", int, "passes over the patches"),
    ("batch-size", int, "patches simulated at once"),
    ("n-windows", int, "windows of tau of each patch"),
    ("windows-left-out", int, "windows before counts are used"),
    ("averaging-rate", float, "rate of the running averages"),
    ("dictionary-step", float, "step of the dictionary"),
    ("ridge", float, "regularisation of the dictionary's step"),
    ("annealing", float, "last part of the training in which rates fall"),
    ("revive-after", int, "stimuli after which a silent neuron is re-seeded"),
    ("engine", str, "compiled, fused or equations (fastest installed)"),
    ("n-jobs", int, "processes (1); -1 for all cores"),
    ("checkpoint-every", int, "batches between checkpoints"),
)


class Parser(argparse.ArgumentParser):
    """One line for bad input, no usage in front of it."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}\n")


def parser():
    """The parser of the command line."""
    top = Parser(prog="ipvae", description="Spiking networks that infer natural images.")
    top.add_argument("--version", action="version", version=f"ipvae_brian {__version__}")
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)

    def command(name, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--json", metavar="PATH", help="also write the figures to this file")
        sub.add_argument("--seed", type=int, default=0, help="seed of everything random (0)")
        quiet = "no progress bars; by default they show on a terminal"
        sub.add_argument("--quiet", action="store_true", help=quiet)
        return sub

    def data(sub, **options):
        sub.add_argument(
            "--data",
            help="photographs, a folder of images, or a .npy/.npz file of patches",
            **options,
        )

    demo = command("demo", "Infer held-out photographs and draw what the neurons did.")
    demo.add_argument("--out", default="demo_output", metavar="DIR", help="(demo_output)")
    demo.add_argument("--model", default="photographs-512", help="name or file of a model")

    train = command("train", "Learn a dictionary from images and save it as a model.")
    data(train, default="photographs")
    train.add_argument("--out", required=True, metavar="FILE.npz", help="the model file to write")
    train.add_argument("--checkpoint", metavar="FILE", help="(the model file with .checkpoint.npz)")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint, if any")
    train.add_argument("--n-train", type=int, metavar="N", help="patches to learn from")
    train.add_argument("--data-note", help="origin and terms of the data, for the model card")
    train.add_argument("--n-evaluate", type=int, help="validation patches (2000)")
    for option, kind, text in TRAINING_OPTIONS:
        train.add_argument(f"--{option}", type=kind, help=text)

    evaluate = command("evaluate", "Measure a model's code of held-out patches.")
    evaluate.add_argument("model", help="name or file of a model")
    data(evaluate, default="photographs")
    evaluate.add_argument("--n-stimuli", type=int, metavar="N", help="(2000)")
    evaluate.add_argument("--windows", type=int, default=16, help="windows of tau each (16)")
    evaluate.add_argument("--dt-ms", type=float, help="time step; tau for discrete updates")
    evaluate.add_argument("--engine", help="compiled, fused or equations (fastest installed)")
    evaluate.add_argument("--n-jobs", type=int, help="processes (1); -1 for all cores")
    evaluate.add_argument("--gain", type=float, help="another gain kappa than the model's")

    simulate = command("simulate", "Simulate the neurons on one patch; keep spikes and potentials.")
    simulate.add_argument("model", help="name or file of a model")
    data(simulate, default="photographs")
    simulate.add_argument("--stimulus", type=int, default=0, help="number of the patch (0)")
    simulate.add_argument("--duration-ms", type=float, default=500.0, help="(500)")
    simulate.add_argument("--dt-ms", type=float, help="time step")
    simulate.add_argument("--pathway", default="synapses", help="synapses or error_units")
    simulate.add_argument("--record", type=int, default=10, help="potentials to record (10)")
    simulate.add_argument("--out", default="simulation", metavar="DIR", help="(simulation)")
    return top
