"""Models that use the dictionary of another with settings of their own: small files of JSON.

{"format": "ipvae_brian derived model", "format_version": 1, "base": "vanhateren-512",
"settings": {"spike_size": 0.3, "gain": 18, "sparsity": 0.55, "half_threshold_rate": 0.6},
"provenance": {"name": "vanhateren-512-adaptive", "figures": {"r2": 0.87}}}
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipvae_brian._tools.files import format_errors
from ipvae_brian.errors import FileFormatError
from ipvae_brian.model.parameters import Parameters

DERIVED = ".json"
FORMAT = "ipvae_brian derived model"
FORMAT_VERSION = 1
FIELDS = {"format", "format_version", "base", "settings", "provenance"}


def load_derived(path: Path, load_base: Callable[[str], Parameters]) -> Parameters:
    """Return the model that a file derives from another.

    Parameters
    ----------
    path : path-like
    load_base : callable
        Loads the other model, which has a dictionary of its own, by its name or path.

    Returns
    -------
    parameters : Parameters
        With the provenance of the other model, what the file says of its own, and both `base` and
        `settings_of_use`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is not such a file, is newer, or a field is missing, unknown or not valid.
    """
    told = _read(path)
    with format_errors(path, "field 'base': {}"):
        base = load_base(told["base"])
    settings, own = told["settings"], told["provenance"]
    with format_errors(path, "field 'settings': {}"):
        parameters = base.with_settings(**settings)
    origin = dict(base.provenance) | own | {"base": told["base"], "settings_of_use": settings}
    with format_errors(path):
        return parameters.replace(provenance=origin)


def _read(path: Path) -> dict[str, Any]:
    """Return the fields of the file, all of which are there."""
    try:
        told = json.loads(Path(path).read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FileFormatError(f"{path}: not JSON ({error})") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise FileFormatError(f"{path}: field 'format' is not {FORMAT!r}: a foreign file")
    version = told.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise FileFormatError(
            f"{path}: field 'format_version' is {version!r}, this release reads {FORMAT_VERSION}"
        )
    for name in sorted(FIELDS ^ set(told)):
        state = "missing" if name in FIELDS else "unknown"
        raise FileFormatError(f"{path}: field {name!r} is {state}")
    for name, kind in (("base", str), ("settings", dict), ("provenance", dict)):
        if not isinstance(told[name], kind):
            raise FileFormatError(f"{path}: field {name!r} must be a {kind.__name__}")
    return told
