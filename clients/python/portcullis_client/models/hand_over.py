from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="HandOver")


@_attrs_define
class HandOver:
    """Who becomes the owner.

    Attributes:
        account_id (int): An account's ID. It is never reused, not even after the account is deleted.
    """

    account_id: int

    def to_dict(self) -> dict[str, Any]:
        account_id = self.account_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "account_id": account_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        account_id = d.pop("account_id")

        hand_over = cls(
            account_id=account_id,
        )

        return hand_over
