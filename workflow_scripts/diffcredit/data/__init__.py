"""Datasets: readers of published formats, and the table of images with labels and contributors."""
