from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ServiceAccount")


@_attrs_define
class ServiceAccount:
    """A service account: an account of the organisation that programs use. It has API keys and no login.

    Attributes:
        account_id (int): An account's ID. It is never reused, not even after the account is deleted.
        created_at (datetime.datetime):
        is_active (bool): Whether its keys work.
        name (str):
        role (Literal['admin'] | Literal['member'] | Literal['owner']): What a member may do with the group itself. Each
            role includes those before it.
    """

    account_id: int
    created_at: datetime.datetime
    is_active: bool
    name: str
    role: Literal["admin", "member", "owner"]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        account_id = self.account_id

        created_at = self.created_at.isoformat()

        is_active = self.is_active

        name = self.name

        role: Literal["admin", "member", "owner"]
        role = self.role

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account_id": account_id,
                "created_at": created_at,
                "is_active": is_active,
                "name": name,
                "role": role,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        account_id = d.pop("account_id")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        is_active = d.pop("is_active")

        name = d.pop("name")

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

        service_account = cls(
            account_id=account_id,
            created_at=created_at,
            is_active=is_active,
            name=name,
            role=role,
        )

        service_account.additional_properties = d
        return service_account

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
