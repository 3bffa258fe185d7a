from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.export_attributes import ExportAttributes
    from ..models.exported_account import ExportedAccount
    from ..models.exported_email_change import ExportedEmailChange
    from ..models.exported_event import ExportedEvent
    from ..models.exported_factors import ExportedFactors
    from ..models.exported_grant import ExportedGrant
    from ..models.exported_identity import ExportedIdentity
    from ..models.exported_invitation import ExportedInvitation
    from ..models.exported_key import ExportedKey
    from ..models.exported_link import ExportedLink
    from ..models.exported_membership import ExportedMembership
    from ..models.exported_passkey import ExportedPasskey
    from ..models.exported_picture import ExportedPicture
    from ..models.exported_session import ExportedSession
    from ..models.given_grant import GivenGrant
    from ..models.sent_invitation import SentInvitation


T = TypeVar("T", bound="Export")


@_attrs_define
class Export:
    """Everything stored about an account.

    Attributes:
        account (ExportedAccount): What is stored about an account, for its owner's export.
        api_keys (list[ExportedKey]): The API keys that have not expired, newest first.
        attributes (ExportAttributes): The attributes that the account's owner can read, by name.
        email_change (ExportedEmailChange | None): The new email address that waits for its confirmation; `null` if none
            does.
        events (list[ExportedEvent]): What happened to the account, oldest first.
        exported_at (datetime.datetime): When it was made.
        given_grants (list[GivenGrant]): The roles that the account has given to others, oldest first.
        grants (list[ExportedGrant]): The roles that the account was given on rows of the application, oldest first.
            Groups have roles of their own,
            which are not listed here.
        identities (list[ExportedIdentity]): The linked accounts at other providers, oldest first.
        invitations (list[ExportedInvitation]): Open invitations to the account's email address; at most 100.
        memberships (list[ExportedMembership]): The organisations and teams that the account is a direct member of.
        passkeys (list[ExportedPasskey]): The passkeys, oldest first.
        picture (ExportedPicture | None): The profile picture; `null` if there is none.
        second_factor (ExportedFactors): The second factor, for its owner's export; never a key or a code.
        sent_invitations (list[SentInvitation]): Open invitations that the account has sent, oldest first.
        sessions (list[ExportedSession]): The sessions on record, active or not.
        share_links (list[ExportedLink]): The links by which the account shares rows of the application, oldest first.
    """

    account: ExportedAccount
    api_keys: list[ExportedKey]
    attributes: ExportAttributes
    email_change: ExportedEmailChange | None
    events: list[ExportedEvent]
    exported_at: datetime.datetime
    given_grants: list[GivenGrant]
    grants: list[ExportedGrant]
    identities: list[ExportedIdentity]
    invitations: list[ExportedInvitation]
    memberships: list[ExportedMembership]
    passkeys: list[ExportedPasskey]
    picture: ExportedPicture | None
    second_factor: ExportedFactors
    sent_invitations: list[SentInvitation]
    sessions: list[ExportedSession]
    share_links: list[ExportedLink]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.exported_email_change import ExportedEmailChange
        from ..models.exported_picture import ExportedPicture

        account = self.account.to_dict()

        api_keys = []
        for api_keys_item_data in self.api_keys:
            api_keys_item = api_keys_item_data.to_dict()
            api_keys.append(api_keys_item)

        attributes = self.attributes.to_dict()

        email_change: dict[str, Any] | None
        if isinstance(self.email_change, ExportedEmailChange):
            email_change = self.email_change.to_dict()
        else:
            email_change = self.email_change

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        exported_at = self.exported_at.isoformat()

        given_grants = []
        for given_grants_item_data in self.given_grants:
            given_grants_item = given_grants_item_data.to_dict()
            given_grants.append(given_grants_item)

        grants = []
        for grants_item_data in self.grants:
            grants_item = grants_item_data.to_dict()
            grants.append(grants_item)

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

        sent_invitations = []
        for sent_invitations_item_data in self.sent_invitations:
            sent_invitations_item = sent_invitations_item_data.to_dict()
            sent_invitations.append(sent_invitations_item)

        sessions = []
        for sessions_item_data in self.sessions:
            sessions_item = sessions_item_data.to_dict()
            sessions.append(sessions_item)

        share_links = []
        for share_links_item_data in self.share_links:
            share_links_item = share_links_item_data.to_dict()
            share_links.append(share_links_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "account": account,
                "api_keys": api_keys,
                "attributes": attributes,
                "email_change": email_change,
                "events": events,
                "exported_at": exported_at,
                "given_grants": given_grants,
                "grants": grants,
                "identities": identities,
                "invitations": invitations,
                "memberships": memberships,
                "passkeys": passkeys,
                "picture": picture,
                "second_factor": second_factor,
                "sent_invitations": sent_invitations,
                "sessions": sessions,
                "share_links": share_links,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.export_attributes import ExportAttributes
        from ..models.exported_account import ExportedAccount
        from ..models.exported_email_change import ExportedEmailChange
        from ..models.exported_event import ExportedEvent
        from ..models.exported_factors import ExportedFactors
        from ..models.exported_grant import ExportedGrant
        from ..models.exported_identity import ExportedIdentity
        from ..models.exported_invitation import ExportedInvitation
        from ..models.exported_key import ExportedKey
        from ..models.exported_link import ExportedLink
        from ..models.exported_membership import ExportedMembership
        from ..models.exported_passkey import ExportedPasskey
        from ..models.exported_picture import ExportedPicture
        from ..models.exported_session import ExportedSession
        from ..models.given_grant import GivenGrant
        from ..models.sent_invitation import SentInvitation

        d = dict(src_dict)
        account = ExportedAccount.from_dict(d.pop("account"))

        api_keys = []
        _api_keys = d.pop("api_keys")
        for api_keys_item_data in _api_keys:
            api_keys_item = ExportedKey.from_dict(api_keys_item_data)

            api_keys.append(api_keys_item)

        attributes = ExportAttributes.from_dict(d.pop("attributes"))

        def _parse_email_change(data: object) -> ExportedEmailChange | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                email_change_type_0 = ExportedEmailChange.from_dict(data)

                return email_change_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ExportedEmailChange | None, data)

        email_change = _parse_email_change(d.pop("email_change"))

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = ExportedEvent.from_dict(events_item_data)

            events.append(events_item)

        exported_at = datetime.datetime.fromisoformat(d.pop("exported_at"))

        given_grants = []
        _given_grants = d.pop("given_grants")
        for given_grants_item_data in _given_grants:
            given_grants_item = GivenGrant.from_dict(given_grants_item_data)

            given_grants.append(given_grants_item)

        grants = []
        _grants = d.pop("grants")
        for grants_item_data in _grants:
            grants_item = ExportedGrant.from_dict(grants_item_data)

            grants.append(grants_item)

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

        sent_invitations = []
        _sent_invitations = d.pop("sent_invitations")
        for sent_invitations_item_data in _sent_invitations:
            sent_invitations_item = SentInvitation.from_dict(sent_invitations_item_data)

            sent_invitations.append(sent_invitations_item)

        sessions = []
        _sessions = d.pop("sessions")
        for sessions_item_data in _sessions:
            sessions_item = ExportedSession.from_dict(sessions_item_data)

            sessions.append(sessions_item)

        share_links = []
        _share_links = d.pop("share_links")
        for share_links_item_data in _share_links:
            share_links_item = ExportedLink.from_dict(share_links_item_data)

            share_links.append(share_links_item)

        export = cls(
            account=account,
            api_keys=api_keys,
            attributes=attributes,
            email_change=email_change,
            events=events,
            exported_at=exported_at,
            given_grants=given_grants,
            grants=grants,
            identities=identities,
            invitations=invitations,
            memberships=memberships,
            passkeys=passkeys,
            picture=picture,
            second_factor=second_factor,
            sent_invitations=sent_invitations,
            sessions=sessions,
            share_links=share_links,
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
