from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.passkey_assertion import PasskeyAssertion


T = TypeVar("T", bound="PasskeyLogIn")


@_attrs_define
class PasskeyLogIn:
    """A passkey, to log in with.

    Attributes:
        credential (PasskeyAssertion): The credential that `navigator.credentials.get()` resolves to, as its `toJSON()`
            writes it (WebAuthn §5.1). Members
            that are not listed are ignored.
        scope (str | Unset): As at `/login`. Default: ''.
    """

    credential: PasskeyAssertion
    scope: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        credential = self.credential.to_dict()

        scope = self.scope

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "credential": credential,
            }
        )
        if scope is not UNSET:
            field_dict["scope"] = scope

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.passkey_assertion import PasskeyAssertion

        d = dict(src_dict)
        credential = PasskeyAssertion.from_dict(d.pop("credential"))

        scope = d.pop("scope", UNSET)

        passkey_log_in = cls(
            credential=credential,
            scope=scope,
        )

        return passkey_log_in
