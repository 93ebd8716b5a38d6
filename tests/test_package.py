"""The package's face: lazy, complete, and the command line as fast as Python starts."""

import inspect
import subprocess
import sys

import pytest

import ipvae_brian
from ipvae_brian.errors import OneLine

HEAVY = ("numpy", "brian2", "sklearn", "scipy", "matplotlib", "numba", "joblib")
LINES = {
    "help": (["--help"], 0),
    "version": (["--version"], 0),
    "help of train": (["train", "--help"], 0),
    "help of evaluate": (["evaluate", "--help"], 0),
    "no command": ([], 2),
    "unknown command": (["trian"], 2),
    "unknown option": (["train", "--out", "m.npz", "--n-neuron", "3"], 2),
    "no number": (["train", "--out", "m.npz", "--n-neurons", "many"], 2),
    "out of bounds": (["evaluate", "m", "--windows", "0"], 2),
    "option left out": (["train"], 2),
}


def loaded_after(code):
    """Which heavy modules a fresh Python has loaded after `code`."""
    code += f"\nimport sys; print('loaded', *[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("case", LINES)
def test_help_and_typing_errors_load_nothing_heavy(case):
    words, status = LINES[case]
    code = (
        "from ipvae_brian.cli.main import main\n"
        f"try:\n    status = main({words})\n"
        "except SystemExit as exit:\n    status = exit.code\n"
        f"assert (status or 0) == {status}, status"
    )
    assert loaded_after(code) == []


def test_import_loads_nothing_heavy():
    assert loaded_after("import ipvae_brian; dir(ipvae_brian); ipvae_brian.__version__") == []


def test_public_names():
    """All are listed, and there after a plain import."""
    assert set(ipvae_brian.__all__) == set(dir(ipvae_brian))
    assert {"IPVAE", "SpikingNetwork", "load_model", "write_model"} <= set(dir(ipvae_brian))
    code = (
        "import ipvae_brian\n"
        "for name in dir(ipvae_brian): assert getattr(ipvae_brian, name) is not None\n"
        "ipvae_brian.plotting.plot_raster; ipvae_brian.stimuli.load_stimuli\n"
        "ipvae_brian.errors.FileFormatError; ipvae_brian.metrics.r_squared\n"
    )
    assert "brian2" in loaded_after(code)


def test_every_public_folder_is_reachable():
    from pathlib import Path

    folders = {
        path.parent.name
        for path in Path(ipvae_brian.__file__).parent.glob("[a-z]*/__init__.py")
        if path.parent.name not in ("cli", "models")
    }
    assert folders <= set(dir(ipvae_brian))


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="IPVEA"):
        _ = ipvae_brian.IPVEA


def public():
    """Everything of the package that can be reached by public names, by its name."""
    modules = [ipvae_brian, *map(ipvae_brian.__getattr__, dir(ipvae_brian))]
    found = {}
    for module in filter(inspect.ismodule, modules):
        for name in getattr(module, "__all__", dir(module)):
            thing = getattr(module, name)
            if not name.startswith("_") and getattr(thing, "__module__", "").startswith("ipvae_"):
                found[f"{thing.__module__}.{name}"] = thing
    return found


def test_every_public_class_has_an_example():
    """But for results of public functions, whose examples show them."""
    things = public()
    classes = {name: thing for name, thing in things.items() if inspect.isclass(thing)}
    functions = [thing for thing in things.values() if inspect.isfunction(thing)]
    results = {str(function.__annotations__.get("return")) for function in functions}
    assert len(classes) > 15
    without = {n for n, c in classes.items() if ">>>" not in (c.__doc__ or "")}
    assert {n for n in without if classes[n] is not OneLine} <= {
        name for name, c in classes.items() if c.__name__ in results
    }


def test_every_public_function_and_method_is_annotated():
    bare = []
    for name, thing in public().items():
        members = vars(thing) if inspect.isclass(thing) else {"": thing}
        for member, function in members.items():
            function = getattr(function, "__func__", getattr(function, "fget", function))
            ours = getattr(function, "__module__", None) == thing.__module__
            if not (inspect.isfunction(function) and ours) or member.startswith("_"):
                continue
            signature = inspect.signature(function)
            given = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
            if signature.return_annotation is signature.empty:
                bare.append(f"{name}.{member}: what it returns")
            bare += [f"{name}.{member}: {p}" for p in given if p.annotation is p.empty]
    assert bare == []
