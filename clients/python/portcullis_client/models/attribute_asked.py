from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.attribute_asked_schema import AttributeAskedSchema


T = TypeVar("T", bound="AttributeAsked")


@_attrs_define
class AttributeAsked:
    """An attribute that sign-up asks for.

    Attributes:
        label (str): What people call it, in the language that `Accept-Language` prefers.
        name (str):
        required (bool):
        schema (AttributeAskedSchema): The JSON Schema of its values.
    """

    label: str
    name: str
    required: bool
    schema: AttributeAskedSchema
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        label = self.label

        name = self.name

        required = self.required

        schema = self.schema.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "label": label,
                "name": name,
                "required": required,
                "schema": schema,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.attribute_asked_schema import AttributeAskedSchema

        d = dict(src_dict)
        label = d.pop("label")

        name = d.pop("name")

        required = d.pop("required")

        schema = AttributeAskedSchema.from_dict(d.pop("schema"))

        attribute_asked = cls(
            label=label,
            name=name,
            required=required,
            schema=schema,
        )

        attribute_asked.additional_properties = d
        return attribute_asked

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
