"""The section `data`."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from diffcredit.config.options import Options, Registered
from diffcredit.config.sections import (
    MOST_CONTRIBUTORS,
    Class,
    Count,
    Natural,
    Place,
    Rate,
    Section,
)
from diffcredit.registry import DATASETS

#: Number of contributors whom images are dealt to.
Dealt = Annotated[int, Field(ge=1, le=MOST_CONTRIBUTORS)]


class CsvContributors(Section):
    """Contributors named in a table beside the images."""

    csv: Place = Field(description="path of the CSV table, relative to data.path")
    column: str = Field(description="column that names the contributor of each image")
    file: str = Field("file", description="column with the image's path, relative to data.path")


class Planted(Section):
    """Contributors whose images are spoiled on purpose, so that the truth about them is known."""

    contributors: Natural = Field(
        0,
        description="how many contributors are planted; 0 for none; null: 3 of the digits, else 0",
    )
    noise: Rate = Field(
        0.9, description="sd of the noise on their images, above 0; pixels span [-1, 1]"
    )


#: Name of the contributor of the injected image; no other may have it.
INJECTED = "injected"
#: The source that needs no files, whose defaults stand here; those of others are in their classes.
DEMONSTRATION = "digits"


class Injected(Section):
    """One image, many times over, of a contributor of its own: the last one, named injected."""

    image: Natural | Place = Field(
        description="the name or number of a training image, from 0, or the path of an image file"
    )
    copies: Count = Field(40, description="how often it is trained on in a pass, 1 or more")


Level = Annotated[int, Field(ge=0, le=255)]


def as_rgb(color: str | int | tuple[int, ...] | list[int]) -> tuple[int, int, int]:
    """Red, green and blue of a name of CSS, a gray level or the three of them.

    Raises:
        ValueError: for an unknown name.
    """
    from PIL import ImageColor

    if isinstance(color, str):
        red, green, blue, *_ = ImageColor.getrgb(color)
    else:
        red, green, blue = (color,) * 3 if isinstance(color, int) else color
    return red, green, blue


def _known_color(value: Any) -> Any:
    """A name that no color has is told with what is accepted."""
    if isinstance(value, str):
        try:
            as_rgb(value)
        except ValueError:
            raise ValueError(
                "must be a name of CSS as white or black, #rrggbb, a gray level from 0 to 255, or "
                "[red, green, blue], each from 0 to 255"
            ) from None
    return value


Background = Annotated[
    str | Level | Annotated[list[Level], Field(min_length=3, max_length=3)],
    BeforeValidator(_known_color),
]


class Data(Section):
    """The training images and whose they are."""

    source: Annotated[Options, Registered(DATASETS)] = Field(
        DEMONSTRATION,
        validate_default=True,
        description=f"one of: {', '.join(DATASETS)}; or {{name: ..., its options}}",
    )
    path: Place | None = Field(
        None,
        description="folder of the images, for a source that reads one",
    )
    image_size: Count = Field(
        8,
        description="side of the square images in pixels, 1 or more; null: that of the source "
        "(folder has none)",
        examples=[32],
    )
    channels: Literal[1, 3] = Field(
        1,
        description="1 (gray) or 3 (color); null: those of the source (folder has none)",
        examples=[3],
    )
    contributors: Dealt | Literal["subfolder", "label", "image"] | CsvContributors = Field(
        12,
        description="a number (images are dealt; 1 to 1000000), subfolder, label, image (each "
        "its own), or {csv: ..., column: ...}; null: 12, but of a folder, which has no default",
        examples=["image"],
    )
    concentration: Rate = Field(
        0.4, description="Dirichlet concentration of the deal over labels, above 0"
    )
    held_out: Natural = Field(
        0, description="images that nobody contributes and no model sees, 0 or more"
    )
    images: Count | None = Field(
        None, description="images to draw from those not held out, 1 or more; null for all"
    )
    labels: Annotated[list[Class | str], Field(min_length=1)] | None = Field(
        None, description="a list of classes to keep, by number from 0 or by name; null for all"
    )
    background: Background = Field(
        "white",
        description="color behind transparent images: a name of CSS as white, a gray level from 0 "
        "to 255, or [red, green, blue]",
    )
    planted: Planted = Field(
        default_factory=Planted,
        description="a section with contributors (0 for none) and noise",
    )
    injected: Injected | None = Field(
        None, description="a section with image and copies; null for none"
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_source(cls, given: Any) -> Any:
        """Written out, so that those of the demonstration are no other source's."""
        if not isinstance(given, dict):
            return given
        source = given.get("source", DEMONSTRATION)
        name = source.get("name") if isinstance(source, dict) else source
        # Of an unknown source nothing else is to be said.
        entry = DATASETS[name if isinstance(name, str) and name in DATASETS else DEMONSTRATION]
        defaults = {
            "image_size": entry.side,
            "channels": entry.channels,
            "contributors": entry.contributors,
        }
        filled: dict[str, Any] = {
            key: value for key, value in defaults.items() if given.get(key) is None
        }
        planted = given.get("planted") or {}
        if isinstance(planted, dict) and planted.get("contributors") is None:
            filled["planted"] = planted | {"contributors": entry.planted}
        return given | filled

    @property
    def background_color(self) -> tuple[int, int, int]:
        """Red, green and blue behind transparent images, each from 0 to 255."""
        return as_rgb(self.background)
