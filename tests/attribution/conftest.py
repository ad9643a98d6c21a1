"""A small U-Net for the tests of gradients."""

import pytest
import torch
from diffusers import UNet2DModel

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def network() -> UNet2DModel:
    """Convolutions of both strides, group norms, attention, linear layers and an embedding."""
    torch.manual_seed(0)
    return UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=[8, 16],
        down_block_types=["DownBlock2D", "AttnDownBlock2D"],
        up_block_types=["AttnUpBlock2D", "UpBlock2D"],
        norm_num_groups=4,
        attention_head_dim=4,
    )
