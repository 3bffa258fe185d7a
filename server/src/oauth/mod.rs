//! OAuth 2.0 endpoints: one file each, for one section of an RFC.

mod error;
mod form;
pub(crate) mod token;

use self::error::OAuthError;
use self::form::Parameters;
