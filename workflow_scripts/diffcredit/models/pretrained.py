"""Models that were trained elsewhere, in folders of diffcredit or of those that a family reads."""

from dataclasses import replace
from pathlib import Path

from diffcredit.errors import UserError
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families import Family


def read(folder: str | Path, family: Family) -> Trained:
    """Read a model that was trained elsewhere; nothing is unpickled or downloaded.

    Args:
        folder: of diffcredit, or one that the family reads.
        family: required family of the model; it defines the noise schedule.

    Raises:
        UserError: names the file that is missing, broken or of another network.
    """
    place = Path(folder).expanduser()
    if checkpoints.is_model(place):
        return replace(checkpoints.load(place), family=family)
    try:
        found = family.pretrained(place)
    except UserError as error:
        raise UserError(f"full.pretrained = {str(folder)!r}: {error}") from error
    described, weights = found.files
    trained = checkpoints.of_structure(family, found.structure, found.averaged, described)
    checkpoints.load_weights(trained.network, found.weights, weights)
    trained.network.eval()
    return trained
