from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Session")


@_attrs_define
class Session:
    """A session.

    Attributes:
        address (None | str): The IP address that it was last used from.
        created_at (datetime.datetime): When it began.
        device (str): The device, for example `Firefox on Linux`. The client says so; it is not proof.
        expires_at (datetime.datetime): When it expires unless it is used before.
        id (str): Its ID: the `sid` of its tokens.
        is_current (bool): Whether this request belongs to it.
        last_seen_at (datetime.datetime): When it was last used, to the minute.
    """

    address: None | str
    created_at: datetime.datetime
    device: str
    expires_at: datetime.datetime
    id: str
    is_current: bool
    last_seen_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        address: None | str
        address = self.address

        created_at = self.created_at.isoformat()

        device = self.device

        expires_at = self.expires_at.isoformat()

        id = self.id

        is_current = self.is_current

        last_seen_at = self.last_seen_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "address": address,
                "created_at": created_at,
                "device": device,
                "expires_at": expires_at,
                "id": id,
                "is_current": is_current,
                "last_seen_at": last_seen_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        address = _parse_address(d.pop("address"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        device = d.pop("device")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        id = d.pop("id")

        is_current = d.pop("is_current")

        last_seen_at = datetime.datetime.fromisoformat(d.pop("last_seen_at"))

        session = cls(
            address=address,
            created_at=created_at,
            device=device,
            expires_at=expires_at,
            id=id,
            is_current=is_current,
            last_seen_at=last_seen_at,
        )

        session.additional_properties = d
        return session

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
