from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.passkey_registration import PasskeyRegistration
    from ..models.passkey_sign_up_attributes import PasskeySignUpAttributes


T = TypeVar("T", bound="PasskeySignUp")


@_attrs_define
class PasskeySignUp:
    """A new account and its passkey.

    Attributes:
        credential (PasskeyRegistration): The credential that `navigator.credentials.create()` resolves to, as its
            `toJSON()` writes it (WebAuthn §5.1). Members
            that are not listed are ignored.
        email (str): Your email address. Case does not matter.
        full_name (str): Your name as you write it.
        attributes (PasskeySignUpAttributes | Unset): The attributes that `GET /signup/attributes` lists, by name.
    """

    credential: PasskeyRegistration
    email: str
    full_name: str
    attributes: PasskeySignUpAttributes | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        credential = self.credential.to_dict()

        email = self.email

        full_name = self.full_name

        attributes: dict[str, Any] | Unset = UNSET
        if not isinstance(self.attributes, Unset):
            attributes = self.attributes.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "credential": credential,
                "email": email,
                "full_name": full_name,
            }
        )
        if attributes is not UNSET:
            field_dict["attributes"] = attributes

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.passkey_registration import PasskeyRegistration
        from ..models.passkey_sign_up_attributes import PasskeySignUpAttributes

        d = dict(src_dict)
        credential = PasskeyRegistration.from_dict(d.pop("credential"))

        email = d.pop("email")

        full_name = d.pop("full_name")

        _attributes = d.pop("attributes", UNSET)
        attributes: PasskeySignUpAttributes | Unset
        if isinstance(_attributes, Unset):
            attributes = UNSET
        else:
            attributes = PasskeySignUpAttributes.from_dict(_attributes)

        passkey_sign_up = cls(
            credential=credential,
            email=email,
            full_name=full_name,
            attributes=attributes,
        )

        return passkey_sign_up
