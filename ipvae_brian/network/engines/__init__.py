"""Engines: different ways to simulate many copies of the network."""
