"""The betas of DDPM; imports no torch."""


def betas(timesteps: int) -> dict[str, float]:
    """The linear schedule of DDPM: betas from 1e-4 to 0.02 for 1,000 noise levels.

    For other numbers they are scaled by 1000 / T, so that as little signal is left at the end.
    """
    scale = 1000 / timesteps
    return {"beta_start": 1e-4 * scale, "beta_end": min(0.02 * scale, 0.999)}
