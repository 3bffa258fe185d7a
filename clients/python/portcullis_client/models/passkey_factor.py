from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.passkey_assertion import PasskeyAssertion


T = TypeVar("T", bound="PasskeyFactor")


@_attrs_define
class PasskeyFactor:
    """A passkey as the second factor of a login.

    Attributes:
        credential (PasskeyAssertion): The credential that `navigator.credentials.get()` resolves to, as its `toJSON()`
            writes it (WebAuthn §5.1). Members
            that are not listed are ignored.
        mfa_token (str): As the login returned it.
    """

    credential: PasskeyAssertion
    mfa_token: str

    def to_dict(self) -> dict[str, Any]:
        credential = self.credential.to_dict()

        mfa_token = self.mfa_token

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "credential": credential,
                "mfa_token": mfa_token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.passkey_assertion import PasskeyAssertion

        d = dict(src_dict)
        credential = PasskeyAssertion.from_dict(d.pop("credential"))

        mfa_token = d.pop("mfa_token")

        passkey_factor = cls(
            credential=credential,
            mfa_token=mfa_token,
        )

        return passkey_factor
