from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="RoleChange")


@_attrs_define
class RoleChange:
    """The new role of an account.

    Attributes:
        role (str): A `user` manages only their own account. An `admin` also manages all accounts and reads the audit
            log. Other names are roles that the operator declared.
    """

    role: str

    def to_dict(self) -> dict[str, Any]:
        role = self.role

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "role": role,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        role = d.pop("role")

        role_change = cls(
            role=role,
        )

        return role_change
