from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.exported_device import ExportedDevice


T = TypeVar("T", bound="ExportedFactors")


@_attrs_define
class ExportedFactors:
    """The second factor, for its owner's export; never a key or a code.

    Attributes:
        recovery_codes_left (int): Recovery codes that are not used yet.
        remembered_devices (list[ExportedDevice]): The devices that are not asked for the second factor, newest first.
        totp_since (datetime.datetime | None): When the account got its authenticator app; `null` if it has none.
    """

    recovery_codes_left: int
    remembered_devices: list[ExportedDevice]
    totp_since: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        recovery_codes_left = self.recovery_codes_left

        remembered_devices = []
        for remembered_devices_item_data in self.remembered_devices:
            remembered_devices_item = remembered_devices_item_data.to_dict()
            remembered_devices.append(remembered_devices_item)

        totp_since: None | str
        if isinstance(self.totp_since, datetime.datetime):
            totp_since = self.totp_since.isoformat()
        else:
            totp_since = self.totp_since

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "recovery_codes_left": recovery_codes_left,
                "remembered_devices": remembered_devices,
                "totp_since": totp_since,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.exported_device import ExportedDevice

        d = dict(src_dict)
        recovery_codes_left = d.pop("recovery_codes_left")

        remembered_devices = []
        _remembered_devices = d.pop("remembered_devices")
        for remembered_devices_item_data in _remembered_devices:
            remembered_devices_item = ExportedDevice.from_dict(remembered_devices_item_data)

            remembered_devices.append(remembered_devices_item)

        def _parse_totp_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                totp_since_type_0 = datetime.datetime.fromisoformat(data)

                return totp_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        totp_since = _parse_totp_since(d.pop("totp_since"))

        exported_factors = cls(
            recovery_codes_left=recovery_codes_left,
            remembered_devices=remembered_devices,
            totp_since=totp_since,
        )

        exported_factors.additional_properties = d
        return exported_factors

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
