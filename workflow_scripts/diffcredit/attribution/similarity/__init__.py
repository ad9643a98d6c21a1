"""Similarity scores without a diffusion model: (q, n) for q queries and n training images."""
