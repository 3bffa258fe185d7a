"""Contains all the data models used in inputs/outputs"""

from .accepted import Accepted
from .account import Account
from .accounts_page import AccountsPage
from .address import Address
from .api_key import ApiKey
from .api_key_request import ApiKeyRequest
from .api_key_rotation import ApiKeyRotation
from .attribute import Attribute
from .attribute_asked import AttributeAsked
from .attribute_asked_schema import AttributeAskedSchema
from .attribute_schema import AttributeSchema
from .attributes import Attributes
from .attributes_asked import AttributesAsked
from .attributes_change import AttributesChange
from .attributes_change_attributes import AttributesChangeAttributes
from .audit_event import AuditEvent
from .audit_page import AuditPage
from .claim import Claim
from .code_log_in import CodeLogIn
from .deletion_scheduled import DeletionScheduled
from .exchange_token_body import ExchangeTokenBody
from .explained_access import ExplainedAccess
from .export import Export
from .export_attributes import ExportAttributes
from .exported_account import ExportedAccount
from .exported_device import ExportedDevice
from .exported_email_change import ExportedEmailChange
from .exported_event import ExportedEvent
from .exported_factors import ExportedFactors
from .exported_grant import ExportedGrant
from .exported_identity import ExportedIdentity
from .exported_invitation import ExportedInvitation
from .exported_key import ExportedKey
from .exported_link import ExportedLink
from .exported_membership import ExportedMembership
from .exported_passkey import ExportedPasskey
from .exported_picture import ExportedPicture
from .exported_receiver_type_0 import ExportedReceiverType0
from .exported_receiver_type_1 import ExportedReceiverType1
from .exported_session import ExportedSession
from .factors import Factors
from .field_error import FieldError
from .first_code import FirstCode
from .given_grant import GivenGrant
from .hand_over import HandOver
from .health import Health
from .identity import Identity
from .invalid_input import InvalidInput
from .invitation import Invitation
from .invitation_token import InvitationToken
from .invitations_page import InvitationsPage
from .invited_role import InvitedRole
from .link_log_in import LinkLogIn
from .log_in import LogIn
from .log_in_problem import LogInProblem
from .login_provider import LoginProvider
from .managed_account import ManagedAccount
from .managed_account_with_sessions import ManagedAccountWithSessions
from .managed_member_role import ManagedMemberRole
from .managed_organisation import ManagedOrganisation
from .managed_organisations_page import ManagedOrganisationsPage
from .managed_service_accounts import ManagedServiceAccounts
from .member import Member
from .member_role import MemberRole
from .members_page import MembersPage
from .mfa_token import MfaToken
from .new_api_key import NewApiKey
from .new_organisation_invitation import NewOrganisationInvitation
from .new_passkey import NewPasskey
from .new_service_account import NewServiceAccount
from .new_team import NewTeam
from .o_auth_error import OAuthError
from .organisation import Organisation
from .organisation_invitation import OrganisationInvitation
from .organisation_name import OrganisationName
from .organisations_page import OrganisationsPage
from .passkey import Passkey
from .passkey_algorithm import PasskeyAlgorithm
from .passkey_assertion import PasskeyAssertion
from .passkey_assertion_data import PasskeyAssertionData
from .passkey_attestation_data import PasskeyAttestationData
from .passkey_creation_options import PasskeyCreationOptions
from .passkey_descriptor import PasskeyDescriptor
from .passkey_endpoints import PasskeyEndpoints
from .passkey_factor import PasskeyFactor
from .passkey_log_in import PasskeyLogIn
from .passkey_name import PasskeyName
from .passkey_registration import PasskeyRegistration
from .passkey_relying_party import PasskeyRelyingParty
from .passkey_request_options import PasskeyRequestOptions
from .passkey_selection import PasskeySelection
from .passkey_sign_up import PasskeySignUp
from .passkey_sign_up_asked import PasskeySignUpAsked
from .passkey_sign_up_attributes import PasskeySignUpAttributes
from .passkey_user import PasskeyUser
from .password_change import PasswordChange
from .problem import Problem
from .profile import Profile
from .profile_change import ProfileChange
from .read_keys_response_200 import ReadKeysResponse200
from .read_keys_response_200_keys_item import ReadKeysResponse200KeysItem
from .recovery_codes import RecoveryCodes
from .remembered_device import RememberedDevice
from .reset import Reset
from .role_change import RoleChange
from .second_factor import SecondFactor
from .sent_invitation import SentInvitation
from .service_account import ServiceAccount
from .service_account_change import ServiceAccountChange
from .service_accounts_page import ServiceAccountsPage
from .session import Session
from .sign_up import SignUp
from .sign_up_attributes import SignUpAttributes
from .team import Team
from .team_change import TeamChange
from .team_service_accounts import TeamServiceAccounts
from .teams_page import TeamsPage
from .token import Token
from .token_answer import TokenAnswer
from .totp import Totp
from .totp_key import TotpKey
from .upload import Upload
from .uploaded import Uploaded

__all__ = (
    "Accepted",
    "Account",
    "AccountsPage",
    "Address",
    "ApiKey",
    "ApiKeyRequest",
    "ApiKeyRotation",
    "Attribute",
    "AttributeAsked",
    "AttributeAskedSchema",
    "AttributeSchema",
    "Attributes",
    "AttributesAsked",
    "AttributesChange",
    "AttributesChangeAttributes",
    "AuditEvent",
    "AuditPage",
    "Claim",
    "CodeLogIn",
    "DeletionScheduled",
    "ExchangeTokenBody",
    "ExplainedAccess",
    "Export",
    "ExportAttributes",
    "ExportedAccount",
    "ExportedDevice",
    "ExportedEmailChange",
    "ExportedEvent",
    "ExportedFactors",
    "ExportedGrant",
    "ExportedIdentity",
    "ExportedInvitation",
    "ExportedKey",
    "ExportedLink",
    "ExportedMembership",
    "ExportedPasskey",
    "ExportedPicture",
    "ExportedReceiverType0",
    "ExportedReceiverType1",
    "ExportedSession",
    "Factors",
    "FieldError",
    "FirstCode",
    "GivenGrant",
    "HandOver",
    "Health",
    "Identity",
    "InvalidInput",
    "Invitation",
    "InvitationToken",
    "InvitationsPage",
    "InvitedRole",
    "LinkLogIn",
    "LogIn",
    "LogInProblem",
    "LoginProvider",
    "ManagedAccount",
    "ManagedAccountWithSessions",
    "ManagedMemberRole",
    "ManagedOrganisation",
    "ManagedOrganisationsPage",
    "ManagedServiceAccounts",
    "Member",
    "MemberRole",
    "MembersPage",
    "MfaToken",
    "NewApiKey",
    "NewOrganisationInvitation",
    "NewPasskey",
    "NewServiceAccount",
    "NewTeam",
    "OAuthError",
    "Organisation",
    "OrganisationInvitation",
    "OrganisationName",
    "OrganisationsPage",
    "Passkey",
    "PasskeyAlgorithm",
    "PasskeyAssertion",
    "PasskeyAssertionData",
    "PasskeyAttestationData",
    "PasskeyCreationOptions",
    "PasskeyDescriptor",
    "PasskeyEndpoints",
    "PasskeyFactor",
    "PasskeyLogIn",
    "PasskeyName",
    "PasskeyRegistration",
    "PasskeyRelyingParty",
    "PasskeyRequestOptions",
    "PasskeySelection",
    "PasskeySignUp",
    "PasskeySignUpAsked",
    "PasskeySignUpAttributes",
    "PasskeyUser",
    "PasswordChange",
    "Problem",
    "Profile",
    "ProfileChange",
    "ReadKeysResponse200",
    "ReadKeysResponse200KeysItem",
    "RecoveryCodes",
    "RememberedDevice",
    "Reset",
    "RoleChange",
    "SecondFactor",
    "SentInvitation",
    "ServiceAccount",
    "ServiceAccountChange",
    "ServiceAccountsPage",
    "Session",
    "SignUp",
    "SignUpAttributes",
    "Team",
    "TeamChange",
    "TeamServiceAccounts",
    "TeamsPage",
    "Token",
    "TokenAnswer",
    "Totp",
    "TotpKey",
    "Upload",
    "Uploaded",
)
