"""The command `ipvae`."""
