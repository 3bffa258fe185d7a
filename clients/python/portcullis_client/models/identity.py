from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Identity")


@_attrs_define
class Identity:
    """An account at another provider that is linked to this one.

    Attributes:
        email (None | str): The address that the provider gave when the identity was linked, if it gave one. For
            information only.
        id (str): Its ID.
        issuer (str): The issuer. Together with the person's ID there, it identifies the identity.
        label (str): The provider's display name.
        last_used_at (datetime.datetime): When it was last used to log in.
        linked_at (datetime.datetime): When it was linked.
        provider (str): The provider's name in paths.
    """

    email: None | str
    id: str
    issuer: str
    label: str
    last_used_at: datetime.datetime
    linked_at: datetime.datetime
    provider: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        email: None | str
        email = self.email

        id = self.id

        issuer = self.issuer

        label = self.label

        last_used_at = self.last_used_at.isoformat()

        linked_at = self.linked_at.isoformat()

        provider = self.provider

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "email": email,
                "id": id,
                "issuer": issuer,
                "label": label,
                "last_used_at": last_used_at,
                "linked_at": linked_at,
                "provider": provider,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_email(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        email = _parse_email(d.pop("email"))

        id = d.pop("id")

        issuer = d.pop("issuer")

        label = d.pop("label")

        last_used_at = datetime.datetime.fromisoformat(d.pop("last_used_at"))

        linked_at = datetime.datetime.fromisoformat(d.pop("linked_at"))

        provider = d.pop("provider")

        identity = cls(
            email=email,
            id=id,
            issuer=issuer,
            label=label,
            last_used_at=last_used_at,
            linked_at=linked_at,
            provider=provider,
        )

        identity.additional_properties = d
        return identity

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
