from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AuditEvent")


@_attrs_define
class AuditEvent:
    """What happened, to whom, by whom, when and from where.

    Attributes:
        account_id (int | None): The account that it happened to. The ID stays when the account is deleted.
        actor (None | str): Who did it, if not through a request: `operator` on the command line.
        actor_id (int | None): The administrator who did it, if it was not the account's owner.
        address (None | str): The IP address of the request.
        at (datetime.datetime):
        detail (None | str): More about the event, for example the new role.
        event (str): What happened, for example `account.role_changed`.
        id (str):
        repeated (int): How many more such events the same actor caused within the minute. They are not listed
            individually.
        request_id (None | str): The request's `x-request-id`.
    """

    account_id: int | None
    actor: None | str
    actor_id: int | None
    address: None | str
    at: datetime.datetime
    detail: None | str
    event: str
    id: str
    repeated: int
    request_id: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        account_id: int | None
        account_id = self.account_id

        actor: None | str
        actor = self.actor

        actor_id: int | None
        actor_id = self.actor_id

        address: None | str
        address = self.address

        at = self.at.isoformat()

        detail: None | str
        detail = self.detail

        event = self.event

        id = self.id

        repeated = self.repeated

        request_id: None | str
        request_id = self.request_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account_id": account_id,
                "actor": actor,
                "actor_id": actor_id,
                "address": address,
                "at": at,
                "detail": detail,
                "event": event,
                "id": id,
                "repeated": repeated,
                "request_id": request_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_account_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        account_id = _parse_account_id(d.pop("account_id"))

        def _parse_actor(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        actor = _parse_actor(d.pop("actor"))

        def _parse_actor_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        actor_id = _parse_actor_id(d.pop("actor_id"))

        def _parse_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        address = _parse_address(d.pop("address"))

        at = datetime.datetime.fromisoformat(d.pop("at"))

        def _parse_detail(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        detail = _parse_detail(d.pop("detail"))

        event = d.pop("event")

        id = d.pop("id")

        repeated = d.pop("repeated")

        def _parse_request_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        request_id = _parse_request_id(d.pop("request_id"))

        audit_event = cls(
            account_id=account_id,
            actor=actor,
            actor_id=actor_id,
            address=address,
            at=at,
            detail=detail,
            event=event,
            id=id,
            repeated=repeated,
            request_id=request_id,
        )

        audit_event.additional_properties = d
        return audit_event

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
