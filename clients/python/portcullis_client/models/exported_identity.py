from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ExportedIdentity")


@_attrs_define
class ExportedIdentity:
    """An identity, for its owner's export.

    Attributes:
        email (None | str): The address that the provider gave when the identity was linked.
        issuer (str):
        last_used_at (datetime.datetime):
        linked_at (datetime.datetime):
        provider (str):
        subject (str): The person's ID at the provider.
    """

    email: None | str
    issuer: str
    last_used_at: datetime.datetime
    linked_at: datetime.datetime
    provider: str
    subject: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        email: None | str
        email = self.email

        issuer = self.issuer

        last_used_at = self.last_used_at.isoformat()

        linked_at = self.linked_at.isoformat()

        provider = self.provider

        subject = self.subject

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "email": email,
                "issuer": issuer,
                "last_used_at": last_used_at,
                "linked_at": linked_at,
                "provider": provider,
                "subject": subject,
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

        issuer = d.pop("issuer")

        last_used_at = datetime.datetime.fromisoformat(d.pop("last_used_at"))

        linked_at = datetime.datetime.fromisoformat(d.pop("linked_at"))

        provider = d.pop("provider")

        subject = d.pop("subject")

        exported_identity = cls(
            email=email,
            issuer=issuer,
            last_used_at=last_used_at,
            linked_at=linked_at,
            provider=provider,
            subject=subject,
        )

        exported_identity.additional_properties = d
        return exported_identity

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
