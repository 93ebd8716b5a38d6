"""Trained models (.npz) with a model card (.md) each; read them with `ipvae_brian.load_model`."""
