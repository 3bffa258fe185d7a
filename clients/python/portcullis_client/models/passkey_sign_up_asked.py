from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="PasskeySignUpAsked")


@_attrs_define
class PasskeySignUpAsked:
    """A new account that gets a passkey instead of a password.

    Attributes:
        email (str): Your email address. Case does not matter.
        full_name (str): Your name as you write it.
    """

    email: str
    full_name: str

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        full_name = self.full_name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "email": email,
                "full_name": full_name,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        email = d.pop("email")

        full_name = d.pop("full_name")

        passkey_sign_up_asked = cls(
            email=email,
            full_name=full_name,
        )

        return passkey_sign_up_asked
