//! Decides what a login at another provider leads to: a pure function, so that every case is a row of a table.

use crate::accounts::AccountId;

/// Why the browser was sent to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    LogIn,
    /// To link the identity to the logged-in account.
    Link(AccountId),
    /// To confirm that the owner of this account is there.
    Confirm(AccountId),
}

/// What is known of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Active {
        account: AccountId,
        /// Whether its address was ever proved.
        is_verified: bool,
    },
    Disabled,
}

/// What is known about the person's email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    /// The provider gave none.
    None,
    /// The provider gave one, but its word does not count.
    Unproved,
    /// The provider's word counts.
    ByProvider,
    /// An emailed code was entered, in the same browser and for the same identity.
    ByCode,
}

impl Address {
    /// Whether it may be looked up. An unproved address gets the same response whether or not it has an account.
    pub(super) fn is_proved(self) -> bool {
        matches!(self, Self::ByProvider | Self::ByCode)
    }
}

/// The facts that the decision depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) wish: Wish,
    /// The account that the identity is linked to.
    pub(super) linked_to: Option<Known>,
    pub(super) address: Address,
    /// The account with that address; looked up only if the address is proved.
    pub(super) by_address: Option<Known>,
    /// Whether the settings allow a new account for this address.
    pub(super) may_sign_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Decision {
    /// Log in to the account that the identity is linked to.
    LogIn,
    /// Create an account, link the identity to it, and log in.
    Create,
    /// Link the identity to this account. For a login, if its address was never proved, what its creator left is
    /// removed first.
    Link(AccountId),
    /// Send a code to the address that the provider gave.
    AskToProve,
    /// Ask for an address, and send a code there.
    AskForEmail,
    Refuse(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The account is disabled.
    Disabled,
    /// There is no account, and none may be created.
    SignUpClosed,
    /// The identity belongs to another account.
    LinkedElsewhere,
    /// The identity is not the account's, so it confirms nothing.
    NotLinked,
}

pub(super) fn decide(facts: Facts) -> Decision {
    match (facts.wish, facts.linked_to) {
        (Wish::LogIn, Some(Known::Active { .. })) => Decision::LogIn,
        (Wish::LogIn, Some(Known::Disabled)) => Decision::Refuse(Refusal::Disabled),
        (Wish::LogIn, None) => decide_by_address(facts),
        (Wish::Link(own), Some(Known::Active { account, .. })) if account == own => Decision::Link(own),
        (Wish::Link(_), Some(_)) => Decision::Refuse(Refusal::LinkedElsewhere),
        (Wish::Link(own), None) => Decision::Link(own),
        (Wish::Confirm(own), Some(Known::Active { account, .. })) if account == own => Decision::LogIn,
        (Wish::Confirm(_), _) => Decision::Refuse(Refusal::NotLinked),
    }
}

/// Decides for an identity that is new here. Only the owner of an account may link to it: someone who has just entered
/// a code sent to its address, or someone whom a provider vouches for, if nobody has proved the address before.
fn decide_by_address(facts: Facts) -> Decision {
    match (facts.address, facts.by_address) {
        (Address::None, _) => Decision::AskForEmail,
        (Address::Unproved, _) | (Address::ByProvider, Some(Known::Active { is_verified: true, .. })) => {
            Decision::AskToProve
        }
        (_, Some(Known::Disabled)) => Decision::Refuse(Refusal::Disabled),
        (_, Some(Known::Active { account, .. })) => Decision::Link(account),
        (_, None) if facts.may_sign_up => Decision::Create,
        (_, None) => Decision::Refuse(Refusal::SignUpClosed),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Address::{ByCode, ByProvider, None as None_, Unproved},
        Decision::{AskForEmail, AskToProve, Create, Link, LogIn, Refuse},
        *,
    };

    const ADA: AccountId = AccountId::new(1);
    const EVE: AccountId = AccountId::new(2);
    const VERIFIED: Option<Known> = Some(Known::Active { account: ADA, is_verified: true });
    const UNVERIFIED: Option<Known> = Some(Known::Active { account: ADA, is_verified: false });
    const DISABLED: Option<Known> = Some(Known::Disabled);
    const ACCOUNTS: [Option<Known>; 4] = [None, VERIFIED, UNVERIFIED, DISABLED];
    const ADDRESSES: [Address; 4] = [None_, Unproved, ByProvider, ByCode];

    fn log_in(linked_to: Option<Known>, address: Address, by_address: Option<Known>, may: bool) -> Decision {
        decide(Facts { wish: Wish::LogIn, linked_to, address, by_address, may_sign_up: may })
    }

    #[test]
    fn l07_only_an_identity_of_the_account_confirms() {
        for address in ADDRESSES {
            for by_address in ACCOUNTS {
                let confirm = |own, linked_to| {
                    let wish = Wish::Confirm(own);
                    decide(Facts { wish, linked_to, address, by_address, may_sign_up: true })
                };
                assert_eq!(confirm(ADA, VERIFIED), LogIn);
                for (own, linked_to) in [(EVE, VERIFIED), (EVE, UNVERIFIED), (ADA, DISABLED), (ADA, None)] {
                    assert_eq!(confirm(own, linked_to), Refuse(Refusal::NotLinked));
                }
            }
        }
    }

    #[test]
    fn l01_a_linked_identity_logs_in_whatever_its_address_is() {
        for address in ADDRESSES {
            for by_address in ACCOUNTS {
                for may in [true, false] {
                    assert_eq!(log_in(VERIFIED, address, by_address, may), LogIn);
                    assert_eq!(log_in(UNVERIFIED, address, by_address, may), LogIn);
                    assert_eq!(log_in(DISABLED, address, by_address, may), Refuse(Refusal::Disabled), "l07");
                }
            }
        }
    }

    #[test]
    fn l02_l03_what_an_address_does_for_an_identity_that_is_new() {
        for (address, by_address, may, expected) in [
            // Not proved: the same response, whether or not there is an account.
            (None_, None, true, AskForEmail),
            (Unproved, None, true, AskToProve),
            // The provider's word counts.
            (ByProvider, None, true, Create),
            (ByProvider, None, false, Refuse(Refusal::SignUpClosed)),
            (ByProvider, VERIFIED, true, AskToProve),
            (ByProvider, UNVERIFIED, true, Link(ADA)),
            (ByProvider, DISABLED, true, Refuse(Refusal::Disabled)),
            // A code was entered.
            (ByCode, None, true, Create),
            (ByCode, None, false, Refuse(Refusal::SignUpClosed)),
            (ByCode, VERIFIED, true, Link(ADA)),
            (ByCode, UNVERIFIED, true, Link(ADA)),
            (ByCode, DISABLED, true, Refuse(Refusal::Disabled)),
        ] {
            assert_eq!(log_in(None, address, by_address, may), expected, "{address:?} {by_address:?} {may}");
        }
    }

    #[test]
    fn e06_an_address_that_is_not_proved_tells_nothing() {
        for address in [None_, Unproved] {
            for by_address in ACCOUNTS {
                for may in [true, false] {
                    let expected = if address == None_ { AskForEmail } else { AskToProve };
                    assert_eq!(log_in(None, address, by_address, may), expected);
                }
            }
        }
    }

    #[test]
    fn l07_a_link_is_for_the_account_that_is_logged_in() {
        for address in ADDRESSES {
            for by_address in ACCOUNTS {
                let link = |own, linked_to| {
                    decide(Facts {
                        wish: Wish::Link(own),
                        linked_to,
                        address,
                        by_address,
                        may_sign_up: false,
                    })
                };
                assert_eq!(link(EVE, None), Link(EVE));
                assert_eq!(link(ADA, VERIFIED), Link(ADA));
                assert_eq!(link(EVE, VERIFIED), Refuse(Refusal::LinkedElsewhere));
                assert_eq!(link(EVE, DISABLED), Refuse(Refusal::LinkedElsewhere));
            }
        }
    }
}
