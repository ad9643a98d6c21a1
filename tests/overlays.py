"""Configurations laid over each other, for tests."""

from typing import Any


def overlaid(base: Any, overlay: Any) -> Any:
    """One configuration over another one, as Snakemake lays it."""
    if not (isinstance(base, dict) and isinstance(overlay, dict)):
        return overlay
    return base | {key: overlaid(base.get(key), value) for key, value in overlay.items()}
