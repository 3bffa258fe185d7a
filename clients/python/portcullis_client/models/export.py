from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.exported_account import ExportedAccount
    from ..models.exported_event import ExportedEvent
    from ..models.exported_factors import ExportedFactors
    from ..models.exported_identity import ExportedIdentity
    from ..models.exported_invitation import ExportedInvitation
    from ..models.exported_key import ExportedKey
    from ..models.exported_membership import ExportedMembership
    from ..models.exported_passkey import ExportedPasskey
    from ..models.exported_picture import ExportedPicture
    from ..models.exported_session import ExportedSession


T = TypeVar("T", bound="Export")


@_attrs_define
class Export:
    """Everything stored about an account.

    Attributes:
        account (ExportedAccount): What is stored about an account, for its owner's export.
        api_keys (list[ExportedKey]): The API keys that have not expired, newest first.
        events (list[ExportedEvent]): What happened to the account, oldest first.
        exported_at (datetime.datetime): When it was made.
        identities (list[ExportedIdentity]): The linked accounts at other providers, oldest first.
        invitations (list[ExportedInvitation]): Open invitations to the account's email address; at most 100.
        memberships (list[ExportedMembership]): The organisations and teams that the account is a direct member of.
        passkeys (list[ExportedPasskey]): The passkeys, oldest first.
        picture (ExportedPicture | None): The profile picture; `null` if there is none.
        second_factor (ExportedFactors): The second factor, for its owner's export; never a key or a code.
        sessions (list[ExportedSession]): The sessions on record, active or not.
    """

    account: ExportedAccount
    api_keys: list[ExportedKey]
    events: list[ExportedEvent]
    exported_at: datetime.datetime
    identities: list[ExportedIdentity]
    invitations: list[ExportedInvitation]
    memberships: list[ExportedMembership]
    passkeys: list[ExportedPasskey]
    picture: ExportedPicture | None
    second_factor: ExportedFactors
    sessions: list[ExportedSession]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.exported_picture import ExportedPicture

        account = self.account.to_dict()

        api_keys = []
        for api_keys_item_data in self.api_keys:
            api_keys_item = api_keys_item_data.to_dict()
            api_keys.append(api_keys_item)

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        exported_at = self.exported_at.isoformat()

        identities = []
        for identities_item_data in self.identities:
            identities_item = identities_item_data.to_dict()
            identities.append(identities_item)

        invitations = []
        for invitations_item_data in self.invitations:
            invitations_item = invitations_item_data.to_dict()
            invitations.append(invitations_item)

        memberships = []
        for memberships_item_data in self.memberships:
            memberships_item = memberships_item_data.to_dict()
            memberships.append(memberships_item)

        passkeys = []
        for passkeys_item_data in self.passkeys:
            passkeys_item = passkeys_item_data.to_dict()
            passkeys.append(passkeys_item)

        picture: dict[str, Any] | None
        if isinstance(self.picture, ExportedPicture):
            picture = self.picture.to_dict()
        else:
            picture = self.picture

        second_factor = self.second_factor.to_dict()

        sessions = []
        for sessions_item_data in self.sessions:
            sessions_item = sessions_item_data.to_dict()
            sessions.append(sessions_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "api_keys": api_keys,
                "events": events,
                "exported_at": exported_at,
                "identities": identities,
                "invitations": invitations,
                "memberships": memberships,
                "passkeys": passkeys,
                "picture": picture,
                "second_factor": second_factor,
                "sessions": sessions,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.exported_account import ExportedAccount
        from ..models.exported_event import ExportedEvent
        from ..models.exported_factors import ExportedFactors
        from ..models.exported_identity import ExportedIdentity
        from ..models.exported_invitation import ExportedInvitation
        from ..models.exported_key import ExportedKey
        from ..models.exported_membership import ExportedMembership
        from ..models.exported_passkey import ExportedPasskey
        from ..models.exported_picture import ExportedPicture
        from ..models.exported_session import ExportedSession

        d = dict(src_dict)
        account = ExportedAccount.from_dict(d.pop("account"))

        api_keys = []
        _api_keys = d.pop("api_keys")
        for api_keys_item_data in _api_keys:
            api_keys_item = ExportedKey.from_dict(api_keys_item_data)

            api_keys.append(api_keys_item)

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = ExportedEvent.from_dict(events_item_data)

            events.append(events_item)

        exported_at = datetime.datetime.fromisoformat(d.pop("exported_at"))

        identities = []
        _identities = d.pop("identities")
        for identities_item_data in _identities:
            identities_item = ExportedIdentity.from_dict(identities_item_data)

            identities.append(identities_item)

        invitations = []
        _invitations = d.pop("invitations")
        for invitations_item_data in _invitations:
            invitations_item = ExportedInvitation.from_dict(invitations_item_data)

            invitations.append(invitations_item)

        memberships = []
        _memberships = d.pop("memberships")
        for memberships_item_data in _memberships:
            memberships_item = ExportedMembership.from_dict(memberships_item_data)

            memberships.append(memberships_item)

        passkeys = []
        _passkeys = d.pop("passkeys")
        for passkeys_item_data in _passkeys:
            passkeys_item = ExportedPasskey.from_dict(passkeys_item_data)

            passkeys.append(passkeys_item)

        def _parse_picture(data: object) -> ExportedPicture | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                picture_type_0 = ExportedPicture.from_dict(data)

                return picture_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ExportedPicture | None, data)

        picture = _parse_picture(d.pop("picture"))

        second_factor = ExportedFactors.from_dict(d.pop("second_factor"))

        sessions = []
        _sessions = d.pop("sessions")
        for sessions_item_data in _sessions:
            sessions_item = ExportedSession.from_dict(sessions_item_data)

            sessions.append(sessions_item)

        export = cls(
            account=account,
            api_keys=api_keys,
            events=events,
            exported_at=exported_at,
            identities=identities,
            invitations=invitations,
            memberships=memberships,
            passkeys=passkeys,
            picture=picture,
            second_factor=second_factor,
            sessions=sessions,
        )

        export.additional_properties = d
        return export

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
