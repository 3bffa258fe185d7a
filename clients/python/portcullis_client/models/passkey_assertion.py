from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.passkey_assertion_data import PasskeyAssertionData


T = TypeVar("T", bound="PasskeyAssertion")


@_attrs_define
class PasskeyAssertion:
    """The credential that `navigator.credentials.get()` resolves to, as its `toJSON()` writes it (WebAuthn §5.1). Members
    that are not listed are ignored.

        Attributes:
            id (str): The credential's id in base64url.
            raw_id (str): The same.
            response (PasskeyAssertionData): What the authenticator signed, each in base64url.
            type_ (str): `public-key`.
    """

    id: str
    raw_id: str
    response: PasskeyAssertionData
    type_: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        raw_id = self.raw_id

        response = self.response.to_dict()

        type_ = self.type_

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "rawId": raw_id,
                "response": response,
                "type": type_,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.passkey_assertion_data import PasskeyAssertionData

        d = dict(src_dict)
        id = d.pop("id")

        raw_id = d.pop("rawId")

        response = PasskeyAssertionData.from_dict(d.pop("response"))

        type_ = d.pop("type")

        passkey_assertion = cls(
            id=id,
            raw_id=raw_id,
            response=response,
            type_=type_,
        )

        passkey_assertion.additional_properties = d
        return passkey_assertion

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
