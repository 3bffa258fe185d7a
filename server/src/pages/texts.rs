//! A form whose fields are not known when the program is built: those of attributes.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, RawForm, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use url::form_urlencoded;

use crate::app::App;

/// The most bytes of a form.
const LONGEST: usize = 1 << 20;
/// The most fields.
const MOST: usize = 100;

/// Every field of a form that was sent, by its name. Use [`Form`](portcullis::Form) where the fields are known.
pub(crate) struct Texts(pub(crate) BTreeMap<String, String>);

impl FromRequest<App> for Texts {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let RawForm(bytes) =
            RawForm::from_request(request, app).await.map_err(IntoResponse::into_response)?;
        if bytes.len() > LONGEST {
            return Err(StatusCode::PAYLOAD_TOO_LARGE.into_response());
        }
        let mut texts = BTreeMap::new();
        for (name, text) in form_urlencoded::parse(&bytes) {
            // A field that is sent twice means two things.
            if texts.len() == MOST || texts.insert(name.into_owned(), text.into_owned()).is_some() {
                return Err(StatusCode::BAD_REQUEST.into_response());
            }
        }
        Ok(Self(texts))
    }
}
