from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define

T = TypeVar("T", bound="ExportedReceiverType1")


@_attrs_define
class ExportedReceiverType1:
    """
    Attributes:
        group (UUID):
    """

    group: UUID

    def to_dict(self) -> dict[str, Any]:
        group = str(self.group)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "group": group,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        group = UUID(d.pop("group"))

        exported_receiver_type_1 = cls(
            group=group,
        )

        return exported_receiver_type_1
