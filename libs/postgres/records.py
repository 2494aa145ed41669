"""Rows as typed values, by the names of their columns.

A type (msgspec struct, dataclass or named tuple) names its columns once, in its fields:

    PROJECTS = RecordType(Project, table="project", expressions={"tasks": "project.tasks::text"})

    f"SELECT {PROJECTS.columns} FROM projects AS project"
    projects = [PROJECTS.decode(record) for record in await connection.fetch(...)]

The order of columns does not matter: two of the same type cannot be mixed up.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar, get_type_hints

import asyncpg
import msgspec
from msgspec import inspect

T = TypeVar("T")

Convert = Callable[[Any], Any]

# asyncpg decodes these itself.
_AS_THEY_ARE = (
    inspect.StrType,
    inspect.IntType,
    inspect.FloatType,
    inspect.BoolType,
    inspect.DateType,
    inspect.DateTimeType,
    inspect.UUIDType,
    inspect.AnyType,
)


class RecordType(Generic[T]):
    """Selects, decodes and writes a `kind`.

    `table` is the alias that the columns are read from. `expressions` are fields that are not a
    column of it: their SQL. `omit` are fields that the statement does not select, which have a
    default. `converters` decode types of our own, `by_field` single fields. Arrays
    become what the field declares; JSON (`json`, `jsonb`) is decoded to the field's type.
    """

    def __init__(
        self,
        kind: type[T],
        *,
        table: str = "",
        expressions: Mapping[str, str] | None = None,
        omit: Collection[str] = (),
        converters: Mapping[type, Convert] | None = None,
        by_field: Mapping[str, Convert] | None = None,
    ) -> None:
        names = [field.name for field in _fields_of(kind) if field.name not in omit]
        given = expressions or {}
        prefix = f"{table}." if table else ""
        self._kind = kind
        self.names = tuple(names)
        self.columns = ", ".join(
            f"{given[name]} AS {name}" if name in given else f"{prefix}{name}" for name in names
        )
        special = by_field or {}
        self._converters = [
            (name, special.get(name, convert))
            for name, convert in _converters_of(kind, names, converters or {})
        ]

    def decode(self, record: asyncpg.Record) -> T:
        """The value in a record that has all of the columns, in whatever order."""
        values = {}
        for name, convert in self._converters:
            value = record[name]
            values[name] = value if convert is None or value is None else convert(value)
        return self._kind(**values)


def values_of(value: object, names: Collection[str]) -> tuple[Any, ...]:
    """The arguments of a statement that writes these fields: mappings as JSON, tuples as lists."""
    return tuple(_argument(getattr(value, name)) for name in names)


def placeholders(names: Collection[str], *, first: int = 1) -> str:
    """`$1, $2, ...`, one for each name."""
    return ", ".join(f"${number}" for number in range(first, first + len(names)))


def assignments(names: Collection[str], *, first: int = 1) -> str:
    """`name = $1, ...` for UPDATE ... SET."""
    return ", ".join(f"{name} = ${number}" for number, name in enumerate(names, start=first))


def _argument(value: Any) -> Any:
    if isinstance(value, tuple | frozenset):
        return list(value)
    if isinstance(value, Mapping):
        return msgspec.json.encode(value).decode()
    return value


def _converters_of(
    kind: type, names: Sequence[str], converters: Mapping[type, Convert]
) -> list[tuple[str, Convert | None]]:
    hints = get_type_hints(kind, include_extras=True)
    described = {field.name: field.type for field in _fields_of(kind)}
    return [(name, _converter(described[name], hints[name], converters)) for name in names]


def _converter(
    described: inspect.Type, hint: Any, converters: Mapping[type, Convert]
) -> Convert | None:
    described = _bare(described)
    cls: type = getattr(described, "cls", type(None))
    if cls in converters:
        return converters[cls]
    if isinstance(described, inspect.EnumType):
        return described.cls
    if isinstance(described, _AS_THEY_ARE):
        return None
    return functools.partial(_structured, hint)


def _bare(described: inspect.Type) -> inspect.Type:
    """The type without annotations and without None."""
    while isinstance(described, inspect.Metadata | inspect.UnionType):
        if isinstance(described, inspect.Metadata):
            described = described.type
        else:
            present = [t for t in described.types if not isinstance(t, inspect.NoneType)]
            if len(present) != 1:
                return described
            described = present[0]
    return described


def _structured(hint: Any, value: Any) -> Any:
    """Arrays arrive as lists, JSON as text."""
    if isinstance(value, str):
        return msgspec.json.decode(value, type=hint)
    return msgspec.convert(value, hint)


def _fields_of(kind: type) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType | inspect.DataclassType | inspect.NamedTupleType):
        raise TypeError(f"{kind!r} is neither a struct, a dataclass nor a named tuple")
    return info.fields
