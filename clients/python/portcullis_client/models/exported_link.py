from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ExportedLink")


@_attrs_define
class ExportedLink:
    """A link to a row of the application, without its token.

    Attributes:
        created_at (datetime.datetime):
        expires_at (datetime.datetime):
        object_ (str): The type and the ID of the row.
        permission (str): What it allows.
    """

    created_at: datetime.datetime
    expires_at: datetime.datetime
    object_: str
    permission: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        expires_at = self.expires_at.isoformat()

        object_ = self.object_

        permission = self.permission

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "expires_at": expires_at,
                "object": object_,
                "permission": permission,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        object_ = d.pop("object")

        permission = d.pop("permission")

        exported_link = cls(
            created_at=created_at,
            expires_at=expires_at,
            object_=object_,
            permission=permission,
        )

        exported_link.additional_properties = d
        return exported_link

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
