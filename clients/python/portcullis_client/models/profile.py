from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Profile")


@_attrs_define
class Profile:
    """An account's profile.

    Attributes:
        email (str): The email address in canonical form.
        full_name (str): The person's name.
        id (int): An account's ID. It is never reused, not even after the account is deleted.
        is_active (bool): Whether the account may be used.
        profile_image_url (None | str): The URL of the profile picture, which only its owner can read; `null` if there
            is none.
        deletion_due_at (datetime.datetime | None | Unset): When the account will be deleted, if its owner requested
            that.
    """

    email: str
    full_name: str
    id: int
    is_active: bool
    profile_image_url: None | str
    deletion_due_at: datetime.datetime | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        full_name = self.full_name

        id = self.id

        is_active = self.is_active

        profile_image_url: None | str
        profile_image_url = self.profile_image_url

        deletion_due_at: None | str | Unset
        if isinstance(self.deletion_due_at, Unset):
            deletion_due_at = UNSET
        elif isinstance(self.deletion_due_at, datetime.datetime):
            deletion_due_at = self.deletion_due_at.isoformat()
        else:
            deletion_due_at = self.deletion_due_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "email": email,
                "full_name": full_name,
                "id": id,
                "is_active": is_active,
                "profile_image_url": profile_image_url,
            }
        )
        if deletion_due_at is not UNSET:
            field_dict["deletion_due_at"] = deletion_due_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        email = d.pop("email")

        full_name = d.pop("full_name")

        id = d.pop("id")

        is_active = d.pop("is_active")

        def _parse_profile_image_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        profile_image_url = _parse_profile_image_url(d.pop("profile_image_url"))

        def _parse_deletion_due_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                deletion_due_at_type_0 = datetime.datetime.fromisoformat(data)

                return deletion_due_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        deletion_due_at = _parse_deletion_due_at(d.pop("deletion_due_at", UNSET))

        profile = cls(
            email=email,
            full_name=full_name,
            id=id,
            is_active=is_active,
            profile_image_url=profile_image_url,
            deletion_due_at=deletion_due_at,
        )

        profile.additional_properties = d
        return profile

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
