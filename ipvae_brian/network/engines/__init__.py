"""Engines: what takes the time steps of many copies of the network."""
