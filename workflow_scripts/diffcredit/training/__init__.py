"""The one training loop, and the objectives that it can follow."""
