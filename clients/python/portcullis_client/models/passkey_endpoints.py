from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="PasskeyEndpoints")


@_attrs_define
class PasskeyEndpoints:
    """Where people add and manage passkeys (<https://www.w3.org/TR/passkey-endpoints/>).

    Attributes:
        enroll (str): The page to add one.
        manage (str): The page to rename and remove them.
    """

    enroll: str
    manage: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        enroll = self.enroll

        manage = self.manage

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "enroll": enroll,
                "manage": manage,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        enroll = d.pop("enroll")

        manage = d.pop("manage")

        passkey_endpoints = cls(
            enroll=enroll,
            manage=manage,
        )

        passkey_endpoints.additional_properties = d
        return passkey_endpoints

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
