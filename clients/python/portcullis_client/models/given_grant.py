from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.exported_receiver_type_0 import ExportedReceiverType0
    from ..models.exported_receiver_type_1 import ExportedReceiverType1


T = TypeVar("T", bound="GivenGrant")


@_attrs_define
class GivenGrant:
    """A role that the account has given on a row of the application.

    Attributes:
        created_at (datetime.datetime):
        expires_at (datetime.datetime | None): When it expires; `null` if it does not.
        object_ (str): The type and the ID of the row.
        role (str):
        to (ExportedReceiverType0 | ExportedReceiverType1): The receiver of a role: an account by its number, or a group
            by its ID.
    """

    created_at: datetime.datetime
    expires_at: datetime.datetime | None
    object_: str
    role: str
    to: ExportedReceiverType0 | ExportedReceiverType1
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.exported_receiver_type_0 import ExportedReceiverType0

        created_at = self.created_at.isoformat()

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        object_ = self.object_

        role = self.role

        to: dict[str, Any]
        if isinstance(self.to, ExportedReceiverType0):
            to = self.to.to_dict()
        else:
            to = self.to.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "expires_at": expires_at,
                "object": object_,
                "role": role,
                "to": to,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.exported_receiver_type_0 import ExportedReceiverType0
        from ..models.exported_receiver_type_1 import ExportedReceiverType1

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

        object_ = d.pop("object")

        role = d.pop("role")

        def _parse_to(data: object) -> ExportedReceiverType0 | ExportedReceiverType1:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_exported_receiver_type_0 = ExportedReceiverType0.from_dict(data)

                return componentsschemas_exported_receiver_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_exported_receiver_type_1 = ExportedReceiverType1.from_dict(data)

            return componentsschemas_exported_receiver_type_1

        to = _parse_to(d.pop("to"))

        given_grant = cls(
            created_at=created_at,
            expires_at=expires_at,
            object_=object_,
            role=role,
            to=to,
        )

        given_grant.additional_properties = d
        return given_grant

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
