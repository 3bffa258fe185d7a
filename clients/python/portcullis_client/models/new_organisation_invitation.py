from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define

from ..models.invited_role import InvitedRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewOrganisationInvitation")


@_attrs_define
class NewOrganisationInvitation:
    """Whom to invite.

    Attributes:
        email (str): Where the link is sent. Case does not matter.
        role (InvitedRole | None | Unset): `member` by default. Only owners invite admins.
    """

    email: str
    role: InvitedRole | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        email = self.email

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
                "email": email,
            }
        )
        if role is not UNSET:
            field_dict["role"] = role

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        email = d.pop("email")

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

        new_organisation_invitation = cls(
            email=email,
            role=role,
        )

        return new_organisation_invitation
