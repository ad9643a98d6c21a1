"""Model families, their checkpoints, and pruning."""
