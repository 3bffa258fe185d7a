from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.passkey_algorithm import PasskeyAlgorithm
    from ..models.passkey_descriptor import PasskeyDescriptor
    from ..models.passkey_relying_party import PasskeyRelyingParty
    from ..models.passkey_selection import PasskeySelection
    from ..models.passkey_user import PasskeyUser


T = TypeVar("T", bound="PasskeyCreationOptions")


@_attrs_define
class PasskeyCreationOptions:
    """The argument of `navigator.credentials.create({ publicKey: … })`, to add a passkey.

    Attributes:
        attestation (str):
        authenticator_selection (PasskeySelection):
        challenge (str): base64url. It can be used once, within 5 minutes.
        exclude_credentials (list[PasskeyDescriptor]): The account's passkeys. An authenticator that has one of them
            does not create another.
        pub_key_cred_params (list[PasskeyAlgorithm]):
        rp (PasskeyRelyingParty): This server.
        timeout (int): Milliseconds.
        user (PasskeyUser): The account, as the browser shows it.
    """

    attestation: str
    authenticator_selection: PasskeySelection
    challenge: str
    exclude_credentials: list[PasskeyDescriptor]
    pub_key_cred_params: list[PasskeyAlgorithm]
    rp: PasskeyRelyingParty
    timeout: int
    user: PasskeyUser
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attestation = self.attestation

        authenticator_selection = self.authenticator_selection.to_dict()

        challenge = self.challenge

        exclude_credentials = []
        for exclude_credentials_item_data in self.exclude_credentials:
            exclude_credentials_item = exclude_credentials_item_data.to_dict()
            exclude_credentials.append(exclude_credentials_item)

        pub_key_cred_params = []
        for pub_key_cred_params_item_data in self.pub_key_cred_params:
            pub_key_cred_params_item = pub_key_cred_params_item_data.to_dict()
            pub_key_cred_params.append(pub_key_cred_params_item)

        rp = self.rp.to_dict()

        timeout = self.timeout

        user = self.user.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attestation": attestation,
                "authenticatorSelection": authenticator_selection,
                "challenge": challenge,
                "excludeCredentials": exclude_credentials,
                "pubKeyCredParams": pub_key_cred_params,
                "rp": rp,
                "timeout": timeout,
                "user": user,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.passkey_algorithm import PasskeyAlgorithm
        from ..models.passkey_descriptor import PasskeyDescriptor
        from ..models.passkey_relying_party import PasskeyRelyingParty
        from ..models.passkey_selection import PasskeySelection
        from ..models.passkey_user import PasskeyUser

        d = dict(src_dict)
        attestation = d.pop("attestation")

        authenticator_selection = PasskeySelection.from_dict(d.pop("authenticatorSelection"))

        challenge = d.pop("challenge")

        exclude_credentials = []
        _exclude_credentials = d.pop("excludeCredentials")
        for exclude_credentials_item_data in _exclude_credentials:
            exclude_credentials_item = PasskeyDescriptor.from_dict(exclude_credentials_item_data)

            exclude_credentials.append(exclude_credentials_item)

        pub_key_cred_params = []
        _pub_key_cred_params = d.pop("pubKeyCredParams")
        for pub_key_cred_params_item_data in _pub_key_cred_params:
            pub_key_cred_params_item = PasskeyAlgorithm.from_dict(pub_key_cred_params_item_data)

            pub_key_cred_params.append(pub_key_cred_params_item)

        rp = PasskeyRelyingParty.from_dict(d.pop("rp"))

        timeout = d.pop("timeout")

        user = PasskeyUser.from_dict(d.pop("user"))

        passkey_creation_options = cls(
            attestation=attestation,
            authenticator_selection=authenticator_selection,
            challenge=challenge,
            exclude_credentials=exclude_credentials,
            pub_key_cred_params=pub_key_cred_params,
            rp=rp,
            timeout=timeout,
            user=user,
        )

        passkey_creation_options.additional_properties = d
        return passkey_creation_options

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
