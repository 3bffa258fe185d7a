from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.attribute_schema import AttributeSchema


T = TypeVar("T", bound="Attribute")


@_attrs_define
class Attribute:
    """An attribute and its value.

    Attributes:
        label (str): What people call it, in the language that `Accept-Language` prefers.
        may_change (bool): Whether you can change it.
        name (str):
        schema (AttributeSchema): The JSON Schema of its values. A value from before the operator changed it may not
            match.
        value (bool | int | None | str): `null` if there is none.
    """

    label: str
    may_change: bool
    name: str
    schema: AttributeSchema
    value: bool | int | None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        label = self.label

        may_change = self.may_change

        name = self.name

        schema = self.schema.to_dict()

        value: bool | int | None | str
        value = self.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "label": label,
                "may_change": may_change,
                "name": name,
                "schema": schema,
                "value": value,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.attribute_schema import AttributeSchema

        d = dict(src_dict)
        label = d.pop("label")

        may_change = d.pop("may_change")

        name = d.pop("name")

        schema = AttributeSchema.from_dict(d.pop("schema"))

        def _parse_value(data: object) -> bool | int | None | str:
            if data is None:
                return data
            return cast(bool | int | None | str, data)

        value = _parse_value(d.pop("value"))

        attribute = cls(
            label=label,
            may_change=may_change,
            name=name,
            schema=schema,
            value=value,
        )

        attribute.additional_properties = d
        return attribute

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
