from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="OrganisationInvitation")


@_attrs_define
class OrganisationInvitation:
    """An open invitation.

    Attributes:
        created_at (datetime.datetime):
        email (str): Where the link was sent. It works only for the account with this address.
        expires_at (datetime.datetime):
        id (UUID):
        invited_by (int): An account's ID. It is never reused, not even after the account is deleted.
        role (Literal['admin'] | Literal['member'] | Literal['owner']): What a member may do with the group itself. Each
            role includes those before it.
    """

    created_at: datetime.datetime
    email: str
    expires_at: datetime.datetime
    id: UUID
    invited_by: int
    role: Literal["admin", "member", "owner"]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        email = self.email

        expires_at = self.expires_at.isoformat()

        id = str(self.id)

        invited_by = self.invited_by

        role: Literal["admin", "member", "owner"]
        role = self.role

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "email": email,
                "expires_at": expires_at,
                "id": id,
                "invited_by": invited_by,
                "role": role,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        email = d.pop("email")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        id = UUID(d.pop("id"))

        invited_by = d.pop("invited_by")

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

        organisation_invitation = cls(
            created_at=created_at,
            email=email,
            expires_at=expires_at,
            id=id,
            invited_by=invited_by,
            role=role,
        )

        organisation_invitation.additional_properties = d
        return organisation_invitation

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
