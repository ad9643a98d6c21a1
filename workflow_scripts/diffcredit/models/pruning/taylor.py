"""Taylor pruning: remove channels that change the denoising loss least.

To first order, removing a group of weights w changes a loss with gradient g by |sum w g| (Molchanov
et al. 2019). Diff-Pruning (Fang et al. 2023, arXiv 2305.10924) uses sum |w g|, and only the
gradients of important noise levels: up to the first level whose loss is small relative to the
largest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from diffcredit.config.sections import Count, Fraction
from diffcredit.lazy import torch
from diffcredit.logs import Progress
from diffcredit.models.pruning.pruner import Pruner
from diffcredit.seeds import derive

if TYPE_CHECKING:
    from diffcredit.models.checkpoints import Trained
    from diffcredit.models.families import Family
    from diffcredit.models.pruning.structure import Material, Size


class Taylor(Pruner):
    """Ranks channels by |sum w g|, with the gradient g of the loss at all noise levels."""

    class Options(Pruner.Options):
        """The images for the gradients."""

        images: Count = Field(
            64, description="training images that gradients are taken on, 1 or more"
        )

    def prune(self, trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
        """See `Pruner.prune`."""
        from torch_pruning.pruner.importance import TaylorImportance

        from diffcredit.models.pruning.structure import prune

        def rank(network: torch.nn.Module) -> Any:
            accumulate_gradients(
                network, trained.family, material, self.options.images, threshold=0.0
            )
            return TaylorImportance(multivariable=True)

        return prune(trained, ratio, rank)


class DiffPruning(Pruner):
    """Ranks channels by sum |w g|, with the gradient g of the first noise levels."""

    class Options(Taylor.Options):
        """The noise levels, and the images for the gradients."""

        threshold: Fraction = Field(
            0.05,
            description="noise levels end where the loss is below this fraction of the largest, "
            "above 0 and below 1",
        )
        # In the authors' code for diffusers, and in that of Lu et al. 2025 (arXiv 2407.03153), the
        # level that ends the sum is included; in the formula it is not.
        stopping_level: bool = Field(
            True,
            description="true: the noise level at which they end counts, too, as in the published "
            "code; false: those before it alone, as in the paper's formula",
        )

    def prune(self, trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
        """See `Pruner.prune`."""
        from torch_pruning.pruner.importance import TaylorImportance

        from diffcredit.models.pruning.structure import prune

        options = self.options

        def rank(network: torch.nn.Module) -> Any:
            accumulate_gradients(
                network,
                trained.family,
                material,
                options.images,
                options.threshold,
                options.stopping_level,
            )
            return TaylorImportance(multivariable=False)

        return prune(trained, ratio, rank)


def accumulate_gradients(
    network: torch.nn.Module,
    family: Family,
    material: Material,
    images: int,
    threshold: float,
    stopping_level: bool = True,
) -> int:
    """Add up in ``network`` the gradients of L_0, L_1, ... until L_t < threshold max(L_0..L_t).

    L_t is the mean denoising loss of timestep t over the images, each with one noise for all
    timesteps. The level that ends the sum is included if ``stopping_level`` is True. Returns the
    number of levels in the sum; a threshold of 0 includes all.
    """
    generator = torch.Generator().manual_seed(derive(material.seed, "gradients"))
    chosen = torch.randperm(len(material.examples), generator=generator)[:images]
    examples = material.examples[chosen]
    clean, condition = family.clean(examples), examples.condition
    noise = torch.randn(clean.shape, generator=generator).to(material.device)
    clean = clean.to(material.device)
    condition = None if condition is None else condition.to(material.device)
    network.to(material.device).eval()
    count = family.schedule.num_train_timesteps
    progress = Progress("pruning", count, "timesteps")
    largest = 0.0
    for timestep in range(count):
        times = torch.full((len(clean),), timestep, device=material.device)
        noised = family.schedule.add_noise(clean, noise, times)
        predicted = family.predict(network, noised, times, condition)
        loss = torch.nn.functional.mse_loss(predicted, noise)
        largest = max(largest, loss.item())
        small = loss.item() < threshold * largest
        if not small or stopping_level:
            loss.backward()
        progress.advance()
        if small:
            return timestep + stopping_level
    return count
