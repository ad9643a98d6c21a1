"""Estimates of the memory and time of jobs on a cluster, from the network and the counts.

Estimates are generous, and double with each attempt, so a job that was killed for lack of memory or
time gets more. Memory means the memory of the machine, not of the GPU.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from diffcredit.config import Approach, Config

if TYPE_CHECKING:
    from diffcredit.models.families import NetworkSizes

#: MB of a process after its imports; CUDA libraries need more.
PROCESS, PROCESS_WITH_GPU = 1500, 4000
#: Bytes of a trained parameter: weight, gradient, two moments, average, and the start.
TRAINED = 4 * 6
#: Bytes kept for each output of a layer while a batch is trained, and while it is only computed.
#: Measured on CPU: 8 to 17 in training.
KEPT, PASSING = 4 * 3.5, 4.0
#: Minimum floating point operations per second of small networks.
SPEED, SPEED_WITH_GPU = 1.5e10, 1e12
#: Cost of a training step in predictions.
STEP = 3
#: Minutes that a job needs besides, and how much longer than estimated it may take.
BESIDES, MARGIN = 15, 3
#: Maximum requested time in minutes; a job that needs longer continues in its next attempt.
LONGEST = 1440


class Estimates:
    """Memory (MB) and time (minutes) of jobs; both grow with the attempt (1, 2, ...).

    Args:
        config: of the run.
    """

    def __init__(self, config: Config):
        self._config = config
        self._gpu = config.execution.device != "cpu"

    @cached_property
    def _network(self) -> "NetworkSizes | None":
        return self._config.model.network(self._config.data)

    @cached_property
    def _multiply_adds(self) -> int:
        return self._network.multiply_adds if self._network else 0

    @cached_property
    def _weights(self) -> int:
        return self._network.parameters if self._network else 0

    @cached_property
    def _outputs(self) -> int:
        return self._network.outputs if self._network else 0

    def memory(self, attempt: int, besides: float = 0.0) -> int:
        """MB of a job that computes nothing large but ``besides``."""
        process = PROCESS_WITH_GPU if self._gpu else PROCESS
        return int(process + besides) * 2 ** (attempt - 1)

    def training_memory(self, attempt: int) -> int:
        """MB of a job that trains the network."""
        batch = 0 if self._gpu else self._config.training.batch_size
        needed = self._weights * TRAINED + batch * self._outputs * KEPT
        return self.memory(attempt, needed / 2**20)

    def sampling_memory(self, attempt: int) -> int:
        """MB of a job that samples from the network."""
        config = self._config
        batch = 0 if self._gpu else config.sampling.batch_size
        pixels = config.sampling.images * config.data.image_size**2 * config.data.channels
        needed = self._weights * 8 + batch * self._outputs * PASSING + pixels * 8
        return self.memory(attempt, needed / 2**20)

    def minutes(self, attempt: int, predictions: float = 0.0) -> int:
        """Minutes of a job with some number of predictions of the network."""
        speed = SPEED_WITH_GPU if self._gpu else SPEED
        seconds = 2.0 * self._multiply_adds * predictions / speed
        return int(min((BESIDES + MARGIN * seconds / 60) * 2 ** (attempt - 1), LONGEST))

    def of_training(self, steps: int | None) -> float:
        """Predictions of a training; those of closed forms and passes count as the full model's."""
        training = self._config.training
        batch = training.batch_size * training.gradient_accumulation
        return float(STEP * batch * (self._config.full.steps if steps is None else steps))

    def of_approach(self, approach: str) -> float:
        """Predictions of one training of an approach."""
        entry: Approach = self._config.approaches[approach]
        return self.of_training(entry.steps)

    @property
    def of_sampling(self) -> float:
        """Predictions for the samples of one model."""
        return float(self._config.sampling.images * self._config.sampling.steps)
