from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ExportedReceiverType0")


@_attrs_define
class ExportedReceiverType0:
    """
    Attributes:
        account (int): An account's ID. It is never reused, not even after the account is deleted.
    """

    account: int

    def to_dict(self) -> dict[str, Any]:
        account = self.account

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "account": account,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        account = d.pop("account")

        exported_receiver_type_0 = cls(
            account=account,
        )

        return exported_receiver_type_0
