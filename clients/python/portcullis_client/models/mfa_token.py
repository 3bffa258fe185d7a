from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="MfaToken")


@_attrs_define
class MfaToken:
    """A login that waits for its second factor.

    Attributes:
        mfa_token (str): As the login returned it.
    """

    mfa_token: str

    def to_dict(self) -> dict[str, Any]:
        mfa_token = self.mfa_token

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "mfa_token": mfa_token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        mfa_token = d.pop("mfa_token")

        mfa_token = cls(
            mfa_token=mfa_token,
        )

        return mfa_token
