from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="SecondFactor")


@_attrs_define
class SecondFactor:
    """The second factor of a login.

    Attributes:
        code (str): Six digits of the authenticator app, or a recovery code.
        mfa_token (str): As the login returned it.
    """

    code: str
    mfa_token: str

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        mfa_token = self.mfa_token

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "code": code,
                "mfa_token": mfa_token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        code = d.pop("code")

        mfa_token = d.pop("mfa_token")

        second_factor = cls(
            code=code,
            mfa_token=mfa_token,
        )

        return second_factor
