from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="RoleChange")


@_attrs_define
class RoleChange:
    """The new role of an account.

    Attributes:
        role (Literal['admin'] | Literal['user']): What an account may do beyond itself.
    """

    role: Literal["admin", "user"]

    def to_dict(self) -> dict[str, Any]:
        role: Literal["admin", "user"]
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

        def _parse_role(data: object) -> Literal["admin", "user"]:
            componentsschemas_role_type_0 = cast(Literal["user"], data)
            if componentsschemas_role_type_0 != "user":
                raise ValueError(
                    f"/components/schemas/Role_type_0 must match const 'user', got '{componentsschemas_role_type_0}'"
                )
            return componentsschemas_role_type_0
            componentsschemas_role_type_1 = cast(Literal["admin"], data)
            if componentsschemas_role_type_1 != "admin":
                raise ValueError(
                    f"/components/schemas/Role_type_1 must match const 'admin', got '{componentsschemas_role_type_1}'"
                )
            return componentsschemas_role_type_1

        role = _parse_role(d.pop("role"))

        role_change = cls(
            role=role,
        )

        return role_change
