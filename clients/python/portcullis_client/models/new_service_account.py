from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.invited_role import InvitedRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewServiceAccount")


@_attrs_define
class NewServiceAccount:
    """The service account to create.

    Attributes:
        name (str): What it is for.
        role (InvitedRole | None | Unset): `member` by default. Only owners create and manage one that is an `admin`.
    """

    name: str
    role: InvitedRole | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        role: None | str | Unset
        if isinstance(self.role, Unset):
            role = UNSET
        elif isinstance(self.role, InvitedRole):
            role = self.role.value
        else:
            role = self.role

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )
        if role is not UNSET:
            field_dict["role"] = role

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        name = d.pop("name")

        def _parse_role(data: object) -> InvitedRole | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                role_type_0 = InvitedRole(data)

                return role_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(InvitedRole | None | Unset, data)

        role = _parse_role(d.pop("role", UNSET))

        new_service_account = cls(
            name=name,
            role=role,
        )

        return new_service_account
