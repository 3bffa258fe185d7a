from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ExportedGrant")


@_attrs_define
class ExportedGrant:
    """A role on a row of the application. Only `policy`, which stands above this room, reads it.

    Attributes:
        created_at (datetime.datetime):
        expires_at (datetime.datetime | None): When it expires; `null` if it does not.
        given_by (int | None): The account that gave it; `null` if the application did.
        object_ (str): The type and the ID of the row.
        role (str):
    """

    created_at: datetime.datetime
    expires_at: datetime.datetime | None
    given_by: int | None
    object_: str
    role: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        given_by: int | None
        given_by = self.given_by

        object_ = self.object_

        role = self.role

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "expires_at": expires_at,
                "given_by": given_by,
                "object": object_,
                "role": role,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        def _parse_given_by(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        given_by = _parse_given_by(d.pop("given_by"))

        object_ = d.pop("object")

        role = d.pop("role")

        exported_grant = cls(
            created_at=created_at,
            expires_at=expires_at,
            given_by=given_by,
            object_=object_,
            role=role,
        )

        exported_grant.additional_properties = d
        return exported_grant

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
