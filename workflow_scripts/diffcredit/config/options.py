"""Building blocks: classes with options that a configuration can name.

A new building block is a class that derives from the base of its kind, such as `Objective` or
`Measure`, with a nested class ``Options`` if it has any, and one line in the registry:

    class Halved(Measure):
        '''What it measures, in one line.'''

        needs, better = "features", "higher"

        class Options(Measure.Options):
            share: Fraction = Field(0.5, description="what it means; above 0 and below 1")

            def problems(self, key, config, base):
                ...  # What the option asks of other keys, one line for each problem.

Options are declared there and nowhere else: the configuration, its messages and its JSON schema
take them from the class.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from diffcredit import extensions
from diffcredit.config.messages import choices
from diffcredit.config.sections import Section
from diffcredit.errors import UserError
from diffcredit.registry import Table

if TYPE_CHECKING:
    from diffcredit.config.schema import Config

#: What a dump of options has besides them, where they are of an extension: a digest of its code.
CODE = "code"
#: Type of the error about a name that no entry has.
UNKNOWN = "unknown_name"


class Options(Section):
    """The options of a building block, and the name that a configuration calls it by."""

    name: str = Field("", description="its name")

    def problems(self, key: str, config: "Config", base: Path) -> list[str]:
        """A message for each option that contradicts other keys of the configuration.

        Args:
            key: where the options stand, as "approaches.sft.objective".
            config: the whole configuration.
            base: folder that paths are relative to.
        """
        return []

    @property
    def given(self) -> dict[str, Any]:
        """The options without the name."""
        return {key: getattr(self, key) for key in type(self).model_fields if key != "name"}

    @model_serializer(mode="wrap")
    def _with_code(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Add a digest of an extension's code: its results are made again after a change."""
        found: dict[str, Any] = handler(self)
        code = extensions.digest(type(self))
        return found | {CODE: code} if code else found


_Options = Options


class Implementation:
    """A building block, made from its options.

    Attributes:
        options: its options.
        requires: traits that the model family must have, see `models.families`.

    Args:
        *prepared_with: arguments of `prepare`.
        **options: by name; those that are left out have their defaults.
    """

    requires: ClassVar[frozenset[str]] = frozenset()

    class Options(_Options):
        """No options; a building block with options derives its own class from that of its kind."""

    def __init__(self, *prepared_with: Any, **options: Any):
        self.options: Any = self.Options(**options)
        self.prepare(*prepared_with)

    @classmethod
    def of(cls, options: _Options, *prepared_with: Any) -> Self:
        """Make the building block from checked options."""
        made = cls.__new__(cls)
        made.options = options
        made.prepare(*prepared_with)
        return made

    def prepare(self, *prepared_with: Any) -> None:
        """Do what has to be done once, before the first use."""
        if prepared_with:
            raise TypeError(f"{type(self).__name__} takes its options by name, and nothing else")


def build(table: Table[Any], options: Options, *prepared_with: Any) -> Any:
    """The building block that options of a configuration name."""
    return table[options.name].of(options, *prepared_with)


class Registered:
    """Marks a field whose value names an entry of a registry table: a name, or a section with it.

    Args:
        table: of the registry.
        tag: the key of the section that names the entry.
    """

    def __init__(self, table: Table[Any], tag: str = "name"):
        self.table, self.tag = table, tag

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.validate, serialization=core_schema.plain_serializer_function_ser_schema(_dump)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        sections = [self._json_schema(name, handler) for name in self.table]
        if self.tag != "name":
            return {"anyOf": sections}
        return {"anyOf": [{"enum": list(self.table)}, *sections]}

    def _json_schema(self, name: str, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The options of one entry, with its name as their tag."""
        options = handler(self.table[name].Options.__pydantic_core_schema__)
        return {"allOf": [options, {"properties": {self.tag: {"const": name}}}]}

    def validate(self, value: Any) -> Options:
        """The options of the named entry, or an error about the name or one of them."""
        if isinstance(value, Options):
            return value
        if isinstance(value, str) and self.tag == "name":
            if value not in self.table:
                raise ValueError(choices(value, list(self.table)))
            value = {self.tag: value}
        if not isinstance(value, dict):
            raise PydanticCustomError("model_type", "no section")
        name = value.get(self.tag)
        if not isinstance(name, str) or name not in self.table:
            raise self._unknown(name, value)
        options = self.table[name].Options
        check_names(options)
        given = dict(value)
        _check_code(given.pop(CODE, None), options, name)
        try:
            return options.model_validate(given)
        except ValidationError as error:
            raise _within(error, name) from error

    def _unknown(self, name: Any, value: dict[Any, Any]) -> ValidationError:
        """The error about the key that names no entry, as in {lora: {rank: 2}}."""
        hint = next(
            (f"; write {{{self.tag}: {key}, ...}}" for key in value if key in self.table), ""
        )
        return unknown_name(self.tag, name, list(self.table), hint if name is None else "")


def unknown_name(key: str, value: Any, names: Sequence[str], hint: str = "") -> ValidationError:
    """The error about a key, below the field that is looked at, that must be one of some names."""
    text = choices(key if isinstance(value, dict) else value, names) + hint
    kind = PydanticCustomError(UNKNOWN, "{text}", {"text": text})
    details = InitErrorDetails(type=kind, loc=(key,), input=value)
    return ValidationError.from_exception_data("name", [details])


def _dump(options: Options) -> dict[str, Any]:
    return options.model_dump()


def member(name: str) -> str:
    """How locations of errors name the entry that options are of; no option is called so."""
    return f"\0{name}"


def _within(error: ValidationError, name: str) -> ValidationError:
    """The errors of options, located below the name of their entry as those of a union are."""
    details = [
        InitErrorDetails(
            type=item["type"] if item["type"] != UNKNOWN else _custom(item),
            loc=(member(name), *item["loc"]),
            input=item["input"],
            ctx=item.get("ctx", {}),
        )
        for item in error.errors()
    ]
    return ValidationError.from_exception_data(error.title, details)


def _custom(item: Any) -> PydanticCustomError:
    return PydanticCustomError(item["type"], "{text}", item["ctx"])


def _check_code(code: str | None, options: type[Options], name: str) -> None:
    if code is not None and code != extensions.digest(options):
        raise UserError(
            f"the code of {name} has changed since this run was started\n"
            "    Hint: run the same command again"
        )


def check_names(options: type[Options]) -> None:
    """Raise `UserError` where an option has a name that means another thing to the program."""
    inherited = options.__mro__[1]
    known = getattr(inherited, "model_fields", {})
    for option in sorted(options.__annotations__):
        if option == CODE or (option not in known and hasattr(inherited, option)):
            raise UserError(
                f"{options.__qualname__}: no option can be called {option}, which means another "
                "thing there\n    Hint: rename the option"
            )
