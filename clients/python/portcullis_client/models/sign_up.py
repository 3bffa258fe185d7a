from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.sign_up_attributes import SignUpAttributes


T = TypeVar("T", bound="SignUp")


@_attrs_define
class SignUp:
    """A new account.

    Attributes:
        email (str): Your email address. Case does not matter.
        full_name (str): Your name as you write it.
        password (str): At least 12 characters, or more if the operator says so, and not easy to guess.
        attributes (SignUpAttributes | Unset): The attributes that `GET /signup/attributes` lists, by name.
    """

    email: str
    full_name: str
    password: str
    attributes: SignUpAttributes | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        full_name = self.full_name

        password = self.password

        attributes: dict[str, Any] | Unset = UNSET
        if not isinstance(self.attributes, Unset):
            attributes = self.attributes.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "email": email,
                "full_name": full_name,
                "password": password,
            }
        )
        if attributes is not UNSET:
            field_dict["attributes"] = attributes

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.sign_up_attributes import SignUpAttributes

        d = dict(src_dict)
        email = d.pop("email")

        full_name = d.pop("full_name")

        password = d.pop("password")

        _attributes = d.pop("attributes", UNSET)
        attributes: SignUpAttributes | Unset
        if isinstance(_attributes, Unset):
            attributes = UNSET
        else:
            attributes = SignUpAttributes.from_dict(_attributes)

        sign_up = cls(
            email=email,
            full_name=full_name,
            password=password,
            attributes=attributes,
        )

        return sign_up
