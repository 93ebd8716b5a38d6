"""The command line as ``python -m ipvae_brian.cli``."""

import sys

from ipvae_brian.cli.main import main

sys.exit(main())
