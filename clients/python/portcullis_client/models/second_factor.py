from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="SecondFactor")


@_attrs_define
class SecondFactor:
    """The second factor of a login.

    Attributes:
        code (str): Six digits of the authenticator app, or a recovery code.
        mfa_token (str): As the login returned it.
        remember (bool | Unset): Whether to remember this browser, so that later logins in it need no second factor. It
            has an effect only after
            a code of the app, for a login that began at `/login/cookie`, if the operator allows it. Default: False.
    """

    code: str
    mfa_token: str
    remember: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        mfa_token = self.mfa_token

        remember = self.remember

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "code": code,
                "mfa_token": mfa_token,
            }
        )
        if remember is not UNSET:
            field_dict["remember"] = remember

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        code = d.pop("code")

        mfa_token = d.pop("mfa_token")

        remember = d.pop("remember", UNSET)

        second_factor = cls(
            code=code,
            mfa_token=mfa_token,
            remember=remember,
        )

        return second_factor
