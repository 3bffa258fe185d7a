from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="TotpKey")


@_attrs_define
class TotpKey:
    """A key for an authenticator app. It takes effect once its first code is confirmed.

    Attributes:
        key (str): The key in base32, to type into an app.
        qr (str): The QR code of `uri`, as SVG.
        uri (str): The key as apps read it from a QR code: `otpauth://totp/…`.
    """

    key: str
    qr: str
    uri: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        key = self.key

        qr = self.qr

        uri = self.uri

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "key": key,
                "qr": qr,
                "uri": uri,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        key = d.pop("key")

        qr = d.pop("qr")

        uri = d.pop("uri")

        totp_key = cls(
            key=key,
            qr=qr,
            uri=uri,
        )

        totp_key.additional_properties = d
        return totp_key

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
