"""Benchmarks of ipvae_brian against what users would pick instead: ``python -m benchmarks.run``."""
