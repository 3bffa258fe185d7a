//! Guides and tutorials. These modules contain only documentation; every code block in them is compiled as a doctest.

#[cfg(feature = "discovery")]
#[doc = include_str!("../docs/auth0.md")]
pub mod auth0 {}

#[doc = include_str!("../docs/coming-from-fastapi.md")]
pub mod coming_from_fastapi {}

#[doc = include_str!("../docs/into-your-application.md")]
pub mod into_your_application {}

#[doc = include_str!("../docs/issuers.md")]
pub mod issuers {}

#[cfg(feature = "discovery")]
#[doc = include_str!("../docs/keycloak.md")]
pub mod keycloak {}

#[doc = include_str!("../docs/mcp.md")]
pub mod mcp {}

#[doc = include_str!("../docs/mistakes.md")]
pub mod mistakes {}

#[doc = include_str!("../docs/permissions.md")]
pub mod permissions {}

#[doc = include_str!("../docs/step-up.md")]
pub mod step_up {}

// The Markdown pages link to each other's files. These definitions come first and win, so the links resolve to
// modules.
/// [access_tokens]: crate::learn::schemes::access_tokens
/// [bearer]: crate::learn::schemes::bearer
/// [client_certificates]: crate::learn::schemes::client_certificates
/// [session_cookies]: crate::learn::schemes::session_cookies
/// [api_keys]: crate::learn::schemes::api_keys
/// [basic]: crate::learn::schemes::basic
/// [oauth2]: crate::learn::schemes::oauth2
/// [openid_connect]: crate::learn::schemes::openid_connect
/// [combinations]: crate::learn::schemes::combinations
/// [elsewhere]: crate::learn::schemes::elsewhere
/// [requests]: crate::learn::schemes::requests
#[doc = include_str!("../docs/schemes.md")]
pub mod schemes {
    /// [oauth2]: crate::learn::schemes::oauth2
    /// [openid_connect]: crate::learn::schemes::openid_connect
    #[doc = include_str!("../docs/schemes/access-tokens.md")]
    pub mod access_tokens {}

    #[doc = include_str!("../docs/schemes/elsewhere.md")]
    pub mod elsewhere {}

    #[doc = include_str!("../docs/schemes/requests.md")]
    pub mod requests {}

    #[doc = include_str!("../docs/schemes/bearer.md")]
    pub mod bearer {}

    #[doc = include_str!("../docs/schemes/client-certificates.md")]
    pub mod client_certificates {}

    #[doc = include_str!("../docs/schemes/session-cookies.md")]
    pub mod session_cookies {}

    #[doc = include_str!("../docs/schemes/api-keys.md")]
    pub mod api_keys {}

    #[doc = include_str!("../docs/schemes/basic.md")]
    pub mod basic {}

    /// [openid_connect]: crate::learn::schemes::openid_connect
    #[doc = include_str!("../docs/schemes/oauth2.md")]
    pub mod oauth2 {}

    /// [oauth2]: crate::learn::schemes::oauth2
    #[doc = include_str!("../docs/schemes/openid-connect.md")]
    pub mod openid_connect {}

    #[doc = include_str!("../docs/schemes/combinations.md")]
    pub mod combinations {}
}

/// The README, so that its program is compiled as a doctest too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub mod readme {}
