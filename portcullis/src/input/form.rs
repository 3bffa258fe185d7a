//! Form bodies.

use axum::extract::{FromRequest, Request};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    aside::aside,
    body,
    check::{check, contract_of, fields_of, make},
    dialect::Origin,
    document,
    gather::{self, Gathered},
    rejection::InputRejection,
};
use crate::{
    describe::{Describe, Operation},
    schema::Contract,
};

/// The most bytes of a form, unless [`UpTo`](crate::input::UpTo) sets another limit.
const MAX_BYTES: usize = 1024 * 1024;

/// An HTML form (`application/x-www-form-urlencoded`), validated against the published schema of `T`, a struct.
/// ```
/// use portcullis::{Form, NoContent, Public};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct LogIn {
///     #[schemars(length(max = 254))]
///     username: String,
///     #[schemars(length(max = 1024))]
///     password: String,
///     /// Stay logged in.
///     remember: Option<bool>,
/// }
///
/// async fn log_in(_: Public, Form(form): Form<LogIn>) -> NoContent {
///     # let _ = (form.username, form.password, form.remember);
///     NoContent
/// }
/// ```
/// Texts become numbers and booleans if the schema says so. A field without a value counts as missing (RFC 6749 §3.1;
/// browsers mean the same). A field sent twice is rejected, unless it is a list. Limits: 1 MiB (413;
/// [`UpTo`](crate::input::UpTo) sets another), 100 fields (400), UTF-8 (400); otherwise as for [`Json`](crate::Json).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T, S> FromRequest<S> for Form<T>
where
    T: DeserializeOwned + JsonSchema + 'static,
    S: Send + Sync,
{
    type Rejection = InputRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, InputRejection> {
        Self::read(request, MAX_BYTES).await
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> Form<T> {
    pub(super) async fn read(request: Request, max: usize) -> Result<Self, InputRejection> {
        let contract = contract_of::<T>()?;
        let (parts, body) = request.into_parts();
        let is_form = |essence: &str| essence == "application/x-www-form-urlencoded";
        let otherwise = "The request body must be application/x-www-form-urlencoded";
        body::content_type(&parts.headers, is_form, otherwise)?;
        let bytes = body::read(body, max).await?;
        let value = aside(bytes.len(), move || checked::<T>(&contract, &bytes, &Origin::body())).await?;
        make(value, &Origin::body()).map(Self)
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> Describe for Form<T> {
    fn describe(operation: &mut Operation<'_>) {
        document::form::<T>(operation, MAX_BYTES);
    }
}

/// What form and query share: `name=value&…`, validated and made a `T`.
pub(super) fn from_pairs<T: DeserializeOwned>(
    contract: &Contract,
    text: &[u8],
    origin: &Origin,
) -> Result<T, InputRejection> {
    make(checked::<T>(contract, text, origin)?, origin)
}

/// Validates the pairs, and returns them as one value.
fn checked<T>(contract: &Contract, text: &[u8], origin: &Origin) -> Result<Value, InputRejection> {
    let mut gathered = Gathered::new(fields_of::<T>(contract)?, origin.clone());
    for (name, value) in gather::pairs(text)? {
        gathered.text(&name, &value);
    }
    let value = gathered.value.into();
    check(contract, &value, origin, gathered.amiss)?;
    Ok(value)
}
