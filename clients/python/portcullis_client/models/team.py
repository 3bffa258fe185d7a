from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Team")


@_attrs_define
class Team:
    """A team.

    Attributes:
        created_at (datetime.datetime):
        depth (int): How deep it is nested: 1 if it is in no other team.
        id (UUID):
        name (str):
        parent_id (UUID): The team that it is in, or the organisation.
    """

    created_at: datetime.datetime
    depth: int
    id: UUID
    name: str
    parent_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        depth = self.depth

        id = str(self.id)

        name = self.name

        parent_id = str(self.parent_id)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "depth": depth,
                "id": id,
                "name": name,
                "parent_id": parent_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        depth = d.pop("depth")

        id = UUID(d.pop("id"))

        name = d.pop("name")

        parent_id = UUID(d.pop("parent_id"))

        team = cls(
            created_at=created_at,
            depth=depth,
            id=id,
            name=name,
            parent_id=parent_id,
        )

        team.additional_properties = d
        return team

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
