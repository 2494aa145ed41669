"""Schemas for the API page, derived from the types that handlers return.

A resource is declared once, as a msgspec struct (or a dataclass, where only the standard library
may be imported). Its JSON is what msgspec writes of it; its schema, with a description and an
example for each field, is derived here:

    class Project(msgspec.Struct, frozen=True):
        code: Annotated[str, Meta(description="Unique, never changes.", examples=["BIG-WEB"])]
        customer: Annotated[str | None, Meta(description="The payer.", examples=["Big Company"])]

    ProjectAnswer = answer_schema(Project)

A dataclass says the same with `field(metadata={"description": ..., "example": ...})`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from marshmallow import Schema, fields
from msgspec import inspect

StructT = TypeVar("StructT", bound=msgspec.Struct)

DOCUMENTED_AS = "documented_as"
"""Key of `Meta(extra=...)` for a field whose value is JSON already (`msgspec.Raw`): its type."""

_SCALARS: Mapping[type[inspect.Type], Callable[..., fields.Field[Any]]] = MappingProxyType(
    {
        inspect.StrType: fields.String,
        inspect.IntType: functools.partial(fields.Integer, strict=True),
        inspect.FloatType: fields.Float,
        inspect.BoolType: fields.Boolean,
        inspect.DateType: fields.Date,
        inspect.DateTimeType: fields.DateTime,
        inspect.UUIDType: fields.UUID,
        inspect.AnyType: fields.Raw,
    }
)


class UndocumentedType(TypeError):
    """A field has a type for which there is no schema."""


@functools.cache
def answer_schema(kind: type) -> type[Schema]:
    """The marshmallow schema of the JSON that msgspec writes for `kind`; its name ends in Answer.

    One class for each type, also when called again: the API page names its definitions by
    class. Raises `UndocumentedType`.
    """
    described = _metadata_of_dataclass(kind)
    members = {
        field.encode_name: _field(
            field.type, described.get(field.name, {}), required=not _may_be_absent(field)
        )
        for field in _fields_of(kind)
    }
    return Schema.from_dict(members, name=f"{_name_of(kind)}Answer")


@functools.cache
def page_schema(kind: type) -> type[Schema]:
    """The schema of a list of `kind`: a page of `items`, and the address of the next one."""
    following = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Address of the next page; null on the last one."},
    )
    items = fields.List(fields.Nested(answer_schema(kind)), required=True)
    return Schema.from_dict({"items": items, "next": following}, name=f"{_name_of(kind)}Page")


def fill(kind: type[StructT], source: object, **given: Any) -> StructT:
    """A struct whose fields have the values given, or else those of `source` of the same name."""
    values = {
        name: given[name] if name in given else getattr(source, name)
        for name in kind.__struct_fields__
    }
    return kind(**values)


def _name_of(kind: type) -> str:
    return kind.__name__.removesuffix("Answer")


def wire_names(kind: type) -> tuple[str, ...]:
    """The names of the members in the JSON of `kind`, in order."""
    return tuple(field.encode_name for field in _fields_of(kind))


def _fields_of(kind: type) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType | inspect.DataclassType | inspect.NamedTupleType):
        raise UndocumentedType(f"{kind!r} is neither a struct nor a dataclass")
    return info.fields


def _may_be_absent(field: inspect.Field) -> bool:
    """Whether the field is UNSET by default, which msgspec reports as optional without default."""
    defaults = (field.default, field.default_factory)
    return not field.required and all(default is msgspec.NODEFAULT for default in defaults)


def _metadata_of_dataclass(kind: type) -> dict[str, Mapping[str, Any]]:
    if not dataclasses.is_dataclass(kind):
        return {}
    return {field.name: field.metadata for field in dataclasses.fields(kind)}


def _field(
    described: inspect.Type, metadata: Mapping[str, Any], *, required: bool = True
) -> fields.Field[Any]:
    """The field of a type as msgspec describes it, with what its `Meta` says of it."""
    nullable, words = False, dict(metadata)
    while isinstance(described, inspect.Metadata | inspect.UnionType):
        if isinstance(described, inspect.Metadata):
            words = _words(described) | words
            described = _documented_type(described)
        else:
            nullable = nullable or described.includes_none
            described = _only_type(described)
    options = {"required": required, "allow_none": nullable, "metadata": words}
    return _plain_field(described, options)


def _words(annotated: inspect.Metadata) -> dict[str, Any]:
    schema = annotated.extra_json_schema or {}
    words = {key: schema[key] for key in ("description",) if key in schema}
    if examples := schema.get("examples"):
        words["example"] = msgspec.to_builtins(examples[0])
    return words


def _documented_type(annotated: inspect.Metadata) -> inspect.Type:
    instead = (annotated.extra or {}).get(DOCUMENTED_AS)
    return inspect.type_info(instead) if instead is not None else annotated.type


def _only_type(union: inspect.UnionType) -> inspect.Type:
    present = [kind for kind in union.types if not isinstance(kind, inspect.NoneType)]
    if len(present) != 1:
        raise UndocumentedType(f"{union!r} is more than one type")
    return present[0]


def _plain_field(kind: inspect.Type, options: Mapping[str, Any]) -> fields.Field[Any]:
    if (scalar := _SCALARS.get(type(kind))) is not None:
        return scalar(**options)
    if isinstance(kind, inspect.EnumType):
        return fields.Enum(kind.cls, by_value=True, **options)
    if isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.SetType):
        return fields.List(_field(kind.item_type, {}), **options)
    if isinstance(kind, inspect.DictType):
        keys, values = _field(kind.key_type, {}), _field(kind.value_type, {})
        return fields.Dict(keys=keys, values=values, **options)
    if isinstance(kind, inspect.StructType | inspect.DataclassType | inspect.NamedTupleType):
        return fields.Nested(answer_schema(kind.cls), **options)
    raise UndocumentedType(f"there is no schema for {kind!r}")
