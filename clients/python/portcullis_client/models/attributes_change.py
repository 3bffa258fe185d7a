from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.attributes_change_attributes import AttributesChangeAttributes


T = TypeVar("T", bound="AttributesChange")


@_attrs_define
class AttributesChange:
    """New values by name.

    Attributes:
        attributes (AttributesChangeAttributes): `null` removes a value; what is not named stays.
    """

    attributes: AttributesChangeAttributes

    def to_dict(self) -> dict[str, Any]:
        attributes = self.attributes.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "attributes": attributes,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.attributes_change_attributes import AttributesChangeAttributes

        d = dict(src_dict)
        attributes = AttributesChangeAttributes.from_dict(d.pop("attributes"))

        attributes_change = cls(
            attributes=attributes,
        )

        return attributes_change
