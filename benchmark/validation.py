"""Values against a schema, and the values of one without those that are not used."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from registries.errors import UsageError, unknown

T = TypeVar("T", bound=BaseModel)


def validate(schema: type[T], values: dict[str, Any], *, where: str) -> T:
    """Check values against a schema.

    The error names the key, what was found and the nearest key.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise unknown(
                "option", place, _fields(schema, first["loc"][:-1]), hint=f"({where})"
            ) from error
        raise UsageError(
            f"{where}: option {place!r} is {first.get('input')!r}; "
            f"{first['msg'][0].lower()}{first['msg'][1:]}."
        ) from error


def _fields(schema: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Dotted names of the fields allowed at a place of the schema."""
    prefix = ""
    for part in path:
        inner = schema.model_fields[str(part)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        schema, prefix = inner, f"{prefix}{part}."
    return [prefix + name for name in schema.model_fields]


def without_defaults(
    model: BaseModel, dumped: dict[str, Any], names: tuple[str, ...]
) -> dict[str, Any]:
    """What was dumped of a model, less those of the named fields that are at their defaults."""
    fields = type(model).model_fields
    return {
        name: value
        for name, value in dumped.items()
        if name not in names or getattr(model, name) != fields[name].default
    }
