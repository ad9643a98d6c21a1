"""Datasets: from their published formats to one table of images with label and contributor."""
