from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.passkey_registration import PasskeyRegistration


T = TypeVar("T", bound="NewPasskey")


@_attrs_define
class NewPasskey:
    """A new passkey.

    Attributes:
        credential (PasskeyRegistration): The credential that `navigator.credentials.create()` resolves to, as its
            `toJSON()` writes it (WebAuthn §5.1). Members
            that are not listed are ignored.
        name (str | Unset): A name that tells it from the owner's other passkeys. By default, the device, for example
            `Firefox on Linux`. Default: ''.
    """

    credential: PasskeyRegistration
    name: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        credential = self.credential.to_dict()

        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "credential": credential,
            }
        )
        if name is not UNSET:
            field_dict["name"] = name

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.passkey_registration import PasskeyRegistration

        d = dict(src_dict)
        credential = PasskeyRegistration.from_dict(d.pop("credential"))

        name = d.pop("name", UNSET)

        new_passkey = cls(
            credential=credential,
            name=name,
        )

        return new_passkey
