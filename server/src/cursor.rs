//! Cursors of lists: a sealed position that only this server can create or read.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{app::App, error::Error};

/// The cursor of a position in the list with this purpose.
pub(crate) fn seal(app: &App, purpose: &'static str, position: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(app.secret().seal(purpose, position))
}

/// The position in a cursor that [`seal`] made for the same purpose.
///
/// # Errors
/// [`Error::BadCursor`].
pub(crate) fn open<const N: usize>(app: &App, purpose: &'static str, text: &str) -> Result<[u8; N], Error> {
    let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::BadCursor)?;
    let position = app.secret().open(purpose, &sealed).map_err(|_| Error::BadCursor)?;
    position.as_slice().try_into().map_err(|_| Error::BadCursor)
}
