from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.passkey_registration import PasskeyRegistration


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
    """

    credential: PasskeyRegistration
    email: str
    full_name: str

    def to_dict(self) -> dict[str, Any]:
        credential = self.credential.to_dict()

        email = self.email

        full_name = self.full_name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "credential": credential,
                "email": email,
                "full_name": full_name,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.passkey_registration import PasskeyRegistration

        d = dict(src_dict)
        credential = PasskeyRegistration.from_dict(d.pop("credential"))

        email = d.pop("email")

        full_name = d.pop("full_name")

        passkey_sign_up = cls(
            credential=credential,
            email=email,
            full_name=full_name,
        )

        return passkey_sign_up
