from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Member")


@_attrs_define
class Member:
    """A member of an organisation or a team.

    Attributes:
        account_id (int): An account's ID. It is never reused, not even after the account is deleted.
        email (str):
        full_name (str):
        joined_at (datetime.datetime): When they joined.
        role (Literal['admin'] | Literal['member'] | Literal['owner']): What a member may do with the group itself. Each
            role includes those before it.
    """

    account_id: int
    email: str
    full_name: str
    joined_at: datetime.datetime
    role: Literal["admin", "member", "owner"]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        account_id = self.account_id

        email = self.email

        full_name = self.full_name

        joined_at = self.joined_at.isoformat()

        role: Literal["admin", "member", "owner"]
        role = self.role

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account_id": account_id,
                "email": email,
                "full_name": full_name,
                "joined_at": joined_at,
                "role": role,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        account_id = d.pop("account_id")

        email = d.pop("email")

        full_name = d.pop("full_name")

        joined_at = datetime.datetime.fromisoformat(d.pop("joined_at"))

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

        member = cls(
            account_id=account_id,
            email=email,
            full_name=full_name,
            joined_at=joined_at,
            role=role,
        )

        member.additional_properties = d
        return member

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
