"""The subcommand `ipvae train`: learn a dictionary, measure it, write the model and its card."""

import os
import shlex
import tempfile
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from brian2.only import ms

from ipvae_brian._tools.files import file_format, json_able
from ipvae_brian.cli.options import command_line, without_folder
from ipvae_brian.cli.steps import check_files, load, progress, summary
from ipvae_brian.errors import DivergenceError
from ipvae_brian.learning.checkpoint import FORMAT
from ipvae_brian.learning.estimator import IPVAE
from ipvae_brian.learning.evaluation import evaluate
from ipvae_brian.learning.settings import TRAINING_SETTINGS, checked_settings
from ipvae_brian.model.card import card_path, write_model
from ipvae_brian.model.library import is_shipped
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.engines.choice import available_engine
from ipvae_brian.stimuli import PatchSet
from ipvae_brian.stimuli.images import IML_SUFFIX

PHOTOGRAPHS = (
    "The 13 grey photographs that come with the package (CC0 and CC-BY, see "
    "ipvae_brian/stimuli/photographs/ATTRIBUTION.md), split by image."
)
VAN_HATEREN = (
    "van Hateren natural images (van Hateren & van der Schaaf 1998, Proc. R. Soc. B 265:359), "
    "free for scientific, non-commercial use with that citation. The images are not part of this "
    "package. Split by image."
)


def train(options: Namespace) -> dict:
    """Learn a dictionary, evaluate it, write the model and its card."""
    checkpoint = _checked_files(options)
    model = IPVAE(
        **_settings(options),
        random_state=options.seed,
        checkpoint=checkpoint,
        standardise=False,
        progress=progress(options),
    )
    patches = load(options.data, options.n_evaluate, options.n_train, progress=progress(options))
    seconds = _fit(model, patches, options)
    try:
        figures, _ = evaluate(
            model.parameters_,
            patches.validation,
            seed=options.seed,
            n_jobs=options.n_jobs,
            progress=progress(options),
        )
    except (DivergenceError, MemoryError) as error:
        write_model(options.out, _described(model, patches, {}, seconds, options))
        raise RuntimeError(f"{error}; the model is in {options.out}, not evaluated") from error
    print(f"on {len(patches.validation)} validation patches: {summary(figures)}")
    figures["command"] = _evaluated_by(options, len(patches.validation))
    card = write_model(options.out, _described(model, patches, figures, seconds, options))
    checkpoint.unlink(missing_ok=True)
    print(f"model in {options.out}, its card in {card}")
    return {"model": options.out.stem, "training_seconds": seconds} | figures


def _checked_files(options):
    """Fail before the training if a file could not be written; the name of the checkpoint."""
    if options.out.suffix != ".npz":
        raise ValueError(f"--out must end in .npz, got {options.out}")
    checkpoint = options.checkpoint or options.out.with_suffix(".checkpoint.npz")
    card = options.out.with_suffix(".md")
    check_files(
        options, {"--out": options.out, "the model's card": card, "--checkpoint": checkpoint}
    )
    card_path(options.out)
    if checkpoint.exists() and not (options.resume or options.overwrite):
        raise FileExistsError(
            f"{checkpoint} is left from an unfinished training: go on from it with --resume, or "
            "begin anew with --overwrite"
        )
    if checkpoint.exists() and options.overwrite and file_format(checkpoint) != FORMAT:
        raise FileExistsError(f"{checkpoint} exists and is no checkpoint: it is not overwritten")
    return checkpoint


def _settings(options):
    """Arguments of `IPVAE`, checked before stimuli are loaded."""
    settings = {}
    for setting in TRAINING_SETTINGS:
        if setting.unit == "second":
            settings[setting.name] = getattr(options, f"{setting.name}_ms") * ms
        elif hasattr(options, setting.name):
            settings[setting.name] = getattr(options, setting.name)
    checked_settings(settings)
    if options.engine is not None:
        available_engine(options.engine)
    return settings


def _fit(model, patches, options):
    """Train; the seconds that it took."""
    start = time.perf_counter()
    try:
        model.fit(patches.train, resume=options.resume, overwrite=options.overwrite)
    except KeyboardInterrupt:
        if hasattr(model, "n_batches_"):  # otherwise there is nothing to go on from
            print(f"\nstopped after {model.n_batches_} batches; go on with --resume")
        raise
    except OSError as error:
        if not hasattr(model, "parameters_"):
            raise
        kept = _keep_elsewhere(model, options.out.stem)
        raise OSError(
            f"{error}; what {model.n_batches_} batches taught is kept in {kept}"
        ) from error
    seconds = time.perf_counter() - start
    print(
        f"trained on {len(patches.train)} patches in {seconds:.0f} s: "
        f"{model.n_revived_} neurons revived, {model.n_diverged_} stimuli diverged"
    )
    return seconds


def _keep_elsewhere(model, name):
    """Write the model into a new file of the folder for temporary files, and return its path."""
    handle, path = tempfile.mkstemp(prefix=f"{name}.", suffix=".npz")
    os.close(handle)
    model.save(path)
    return path


def _described(model, patches, figures, seconds, options) -> Parameters:
    """Return the parameters with what the model's card tells."""
    return replace(
        model.parameters_,
        stimulus_shape=patches.shape,
        whitening=patches.whitening,
        front_end=patches.front_end,
        provenance={
            "name": options.out.stem,
            "data": without_folder(options.data),
            "data_note": options.data_note or data_note(patches),
            "command": command_line(options),
            "settings": model.settings_,
            "n_train": len(patches.train),
            "patches_mean": patches.mean,
            "patches_std": patches.std,
            "n_batches": model.n_batches_,
            "n_revived": model.n_revived_,
            "n_diverged": model.n_diverged_,
            "seconds": round(seconds, 1),
            "figures": json_able({k: v for k, v in figures.items() if k != "convergence"}),
        },
    )


def _evaluated_by(options, n_stimuli):
    """Return the command that measures the figures again."""
    model = options.out.stem if is_shipped(options.out) else options.out.name
    return shlex.join(
        ["ipvae", "evaluate", model, "--data", without_folder(options.data)]
        + ["--n-stimuli", str(n_stimuli), "--seed", str(options.seed)]
    )


def data_note(patches: PatchSet) -> str:
    """Return origin and terms of patches, by what was loaded and never by how a path reads."""
    if patches.source == "photographs":
        return PHOTOGRAPHS
    name = Path(patches.source).name
    images = [str(image).lower() for image in (*patches.train_images, *patches.validation_images)]
    n_van_hateren = sum(image.endswith(IML_SUFFIX) for image in images)
    if Path(patches.source).is_dir() and n_van_hateren:
        rest = len(images) - n_van_hateren
        others = f"; {rest} other images, given by the user" if rest else ""
        return f"{n_van_hateren} {VAN_HATEREN[:-1]}{others}."
    return patches.data_note or f"{name}, given by the user."
