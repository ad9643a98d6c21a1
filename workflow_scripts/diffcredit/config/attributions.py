"""The section `attributions`: group attribution by removal, or from scores of images."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from diffcredit.config.options import Options, Registered, unknown_name
from diffcredit.config.sections import Name, Rate, Reference, Section
from diffcredit.registry import ESTIMATORS, SCORES


def method_names() -> list[str]:
    """Names of all methods."""
    return [*ESTIMATORS, *SCORES]


class RemovalAttribution(Section):
    """One value for each contributor and behavior, fitted on the behaviors of coalitions."""

    method: Annotated[Options, Registered(ESTIMATORS)] = Field(
        description=f"one of: {', '.join(ESTIMATORS)}; or {{name: ..., its options}}"
    )
    values: Reference = Field(description="approach/coalitions, what it is fitted on")
    full: Reference | None = Field(None, description="approach/coalitions, what v(all) is from")
    none: Reference | None = Field(None, description="approach/coalitions, what v(none) is from")
    corrections: Reference | None = Field(
        None,
        description="approach/coalitions, the few retrained ones that correct a two-level "
        "estimator; the approach of its values makes the same coalitions",
    )

    @property
    def references(self) -> dict[str, str]:
        """Every approach/coalitions that it is computed from, by role.

        Besides those named: ``cheap``, the coalitions of the corrections by the approach of the
        values, and ``exact_full``, v(all) by the approach of the corrections.
        """
        roles = ("values", "full", "none", "corrections")
        named = {role: value for role in roles if (value := getattr(self, role)) is not None}
        if self.corrections is None:
            return named
        exact, few = self.corrections.split("/")
        derived = {"cheap": f"{self.values.split('/')[0]}/{few}"}
        if self.full is not None:
            derived["exact_full"] = f"{exact}/{self.full.split('/')[1]}"
        return named | derived


class ScoreAttribution(Section):
    """How much single images help a behavior, added up over the images of a contributor."""

    method: Annotated[Options, Registered(SCORES)] = Field(
        description=f"one of: {', '.join(SCORES)}; or {{name: ..., its options}}"
    )
    gradients: Name | None = Field(None, description="an entry of gradients")
    extractor: Name | None = Field(None, description="an entry of extractors")
    behaviors: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of behaviors that it explains, one or more"
    )
    queries: Name | None = Field(
        None,
        description="a behavior with a value for each query, over whose queries the scores are "
        "averaged for behaviors that have one value",
    )
    damping: Rate | Annotated[list[Rate], Field(min_length=1)] | None = Field(
        None,
        description="a number above 0, or a list of them, in the unit of squared lengths of "
        "gradients (lambda / dimensions of published ones); null: the grid of the method",
    )
    chosen_on: Reference | None = Field(
        None, description="approach/coalitions on which one of several dampings is chosen"
    )
    groups: Literal["sum", "mean", "max"] = Field(
        "sum",
        description="sum, mean or max of the scores of a contributor's images; null: mean for "
        "dot, cosine and distance, of which a sum counts images, else sum",
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_method(cls, given: Any) -> Any:
        """Fill in the defaults of the method, so that they count as settings."""
        named = given.get("method") if isinstance(given, dict) else None
        name = named.get("name") if isinstance(named, dict) else getattr(named, "name", named)
        if not isinstance(name, str) or name not in SCORES:
            return given  # Of a method that there is not.
        method = SCORES[name]
        defaults = {"groups": method.groups} | (
            {"damping": [*method.dampings]} if method.dampings else {}
        )
        return given | {key: value for key, value in defaults.items() if given.get(key) is None}

    @property
    def dampings(self) -> list[float]:
        """The grid of dampings; a single placeholder for a method without damping."""
        if self.damping is None:
            return [0.0]
        return self.damping if isinstance(self.damping, list) else [self.damping]


def method_name(entry: Any) -> Any:
    """The name of the method of an entry, as it is written."""
    named = entry.get("method") if isinstance(entry, dict) else getattr(entry, "method", None)
    return named.get("name") if isinstance(named, dict) else getattr(named, "name", named)


def _kind(entry: Any) -> str:
    """The kind of an entry; neither kind for an unknown method."""
    name = method_name(entry)
    return "score" if isinstance(name, str) and name in SCORES else "removal"


def _known(entry: Any) -> Any:
    """Raise `ValidationError` about an unknown method."""
    name = method_name(entry)
    if isinstance(entry, dict) and name is not None and name not in method_names():
        raise unknown_name("method", name, method_names())
    return entry


#: An entry of the section.
Attribution = Annotated[
    Annotated[RemovalAttribution, Tag("removal")] | Annotated[ScoreAttribution, Tag("score")],
    Discriminator(_kind),
    BeforeValidator(_known),
]
