"""The command `ipvae`: demo, models, train, evaluate, simulate, inspect, compare.

The exit status is 0 on success, 2 for bad input (with one line on standard error), and 130 after
Ctrl-C.
"""

import sys
from collections.abc import Sequence

from ipvae_brian.cli.options import parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``ipvae``; by default those of this process.
    """
    options = parser().parse_args(arguments)
    try:
        # Heavy imports only now: --help and typing errors answer at once.
        from ipvae_brian.cli import commands

        figures = getattr(commands, options.command)(options)
        if options.json:
            from ipvae_brian._tools.files import write_json

            write_json(options.json, figures)
        return 0
    except KeyboardInterrupt:
        print("ipvae: interrupted", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, RuntimeError, MemoryError, ImportError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"ipvae {options.command}: error: {text}", file=sys.stderr)
        return 2
