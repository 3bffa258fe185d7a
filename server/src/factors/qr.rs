//! A QR code as an SVG in the page itself, without script or style, which the content security policy allows.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};
use zeroize::Zeroizing;

use crate::error::Error;

/// Light modules around the code (ISO/IEC 18004 requires four).
const QUIET: i32 = 4;

/// The QR code of a text. The SVG contains numbers only, none of the text's characters.
pub(super) fn svg(text: &str, label: &str) -> Result<Zeroizing<String>, Error> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|cause| Error::Internal(format!("a QR code cannot be made: {cause}")))?;
    let side = code.size() + 2 * QUIET;
    let mut path = Zeroizing::new(String::new());
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Writing into a string cannot fail.
            let _ = write!(path, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Ok(Zeroizing::new(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"240\" height=\"240\" \
         role=\"img\" aria-label=\"{label}\"><path fill=\"#fff\" d=\"M0,0h{side}v{side}h-{side}z\"/><path fill=\"#000\" \
         d=\"{}\"/></svg>",
        path.as_str()
    )))
}
