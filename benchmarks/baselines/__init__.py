"""Baselines, what users would pick instead: back-propagation in PyTorch, LCA, scikit-learn."""
