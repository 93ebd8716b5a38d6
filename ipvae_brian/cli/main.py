"""The command `ipvae`: demo, train, evaluate, simulate.

Exit status 0 when done, 2 with one line on standard error for bad input, 130 after Ctrl-C.
"""

import shlex
import sys

from ipvae_brian.cli.options import parser


def main(arguments=None):
    """Run the command line; returns the exit status."""
    options = parser().parse_args(arguments)
    options.line = shlex.join(["ipvae", *(sys.argv[1:] if arguments is None else arguments)])
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
    except (ValueError, TypeError, OSError, RuntimeError, MemoryError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"ipvae {options.command}: error: {text}", file=sys.stderr)
        return 2
