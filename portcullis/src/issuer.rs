//! Requests to an issuer: for its keys, and for what it says about an opaque token.
//!
//! Start with [`AccessTokens::discover`](crate::AccessTokens::discover) or [`Introspection`].

mod dangerous;
mod discover;
mod health;
mod introspect;
mod introspected;
mod jwks;
mod metadata;
mod outgoing;

pub(crate) use self::jwks::Published;
pub use self::{
    discover::DiscoveredKeys,
    health::KeysHealth,
    introspect::{Introspection, IntrospectionBuilder},
    introspected::IntrospectedToken,
    outgoing::{IssuerError, Outgoing},
};
