"""Shelfscan's models: the training recipe, the Python reference and the shipped bundles."""
