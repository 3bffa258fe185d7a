from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="MemberRole")


@_attrs_define
class MemberRole:
    """A new role.

    Attributes:
        role (Literal['admin'] | Literal['member'] | Literal['owner']): What a member may do with the group itself. Each
            role includes those before it.
    """

    role: Literal["admin", "member", "owner"]

    def to_dict(self) -> dict[str, Any]:
        role: Literal["admin", "member", "owner"]
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

        def _parse_role(data: object) -> Literal["admin", "member", "owner"]:
            componentsschemas_group_role_type_0 = cast(Literal["member"], data)
            if componentsschemas_group_role_type_0 != "member":
                raise ValueError(
                    f"/components/schemas/GroupRole_type_0 must match const 'member', got '{componentsschemas_group_role_type_0}'"
                )
            return componentsschemas_group_role_type_0
            componentsschemas_group_role_type_1 = cast(Literal["admin"], data)
            if componentsschemas_group_role_type_1 != "admin":
                raise ValueError(
                    f"/components/schemas/GroupRole_type_1 must match const 'admin', got '{componentsschemas_group_role_type_1}'"
                )
            return componentsschemas_group_role_type_1
            componentsschemas_group_role_type_2 = cast(Literal["owner"], data)
            if componentsschemas_group_role_type_2 != "owner":
                raise ValueError(
                    f"/components/schemas/GroupRole_type_2 must match const 'owner', got '{componentsschemas_group_role_type_2}'"
                )
            return componentsschemas_group_role_type_2

        role = _parse_role(d.pop("role"))

        member_role = cls(
            role=role,
        )

        return member_role
