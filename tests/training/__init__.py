"""Training of our own models: needs torch, see scripts/train_models/test."""
