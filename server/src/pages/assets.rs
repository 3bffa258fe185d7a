//! The style sheet, the script, and the operator's colour and picture: read once, served from memory under names that
//! change with their content.

use std::{fs::File, io::Read as _, path::PathBuf};

use aws_lc_rs::digest;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use http::{HeaderValue, header};

use crate::{app::App, config::Brand, error::Error};

const SHEET: &str = include_str!("../../assets/portcullis.css");
const SCRIPT: &str = include_str!("../../assets/portcullis.js");
/// The maximum size of the operator's picture in bytes.
const LARGEST_LOGO: u64 = 64 * 1024;
/// The content under a name never changes.
static FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// An SVG that is opened by itself cannot do anything.
static INERT: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'");

/// What the pages look like, apart from their texts.
#[derive(Debug)]
pub(crate) struct Look {
    sheet: Asset,
    colour: Asset,
    script: Asset,
    icon: Asset,
    logo: Option<Asset>,
}

/// A file's bytes and name.
#[derive(Debug)]
struct Asset {
    /// Relative to the public address's path.
    path: String,
    content_type: &'static str,
    bytes: Bytes,
}

impl Look {
    /// Reads the operator's picture.
    pub(crate) fn open(brand: &Brand) -> Result<Self, LookError> {
        let colour = format!(":root{{--brand:{}}}\n", brand.color);
        Ok(Self {
            sheet: Asset::new("pages", "css", "text/css; charset=utf-8", SHEET.into()),
            colour: Asset::new("brand", "css", "text/css; charset=utf-8", colour.into()),
            script: Asset::new("pages", "js", "text/javascript; charset=utf-8", SCRIPT.into()),
            icon: Asset::new("icon", "svg", "image/svg+xml", icon(brand).into()),
            logo: brand.logo.as_ref().map(read_logo).transpose()?,
        })
    }

    pub(super) fn sheets(&self) -> [&str; 2] {
        [&self.sheet.path, &self.colour.path]
    }

    pub(super) fn script(&self) -> &str {
        &self.script.path
    }

    pub(super) fn icon(&self) -> &str {
        &self.icon.path
    }

    pub(super) fn logo(&self) -> Option<&str> {
        self.logo.as_ref().map(|logo| logo.path.as_str())
    }

    fn named(&self, name: &str) -> Option<&Asset> {
        let all =
            [Some(&self.sheet), Some(&self.colour), Some(&self.script), Some(&self.icon), self.logo.as_ref()];
        all.into_iter().flatten().find(|asset| asset.path.strip_prefix("/assets/") == Some(name))
    }
}

impl Asset {
    fn new(name: &str, ending: &str, content_type: &'static str, bytes: Bytes) -> Self {
        let hash = digest::digest(&digest::SHA256, &bytes);
        let hash = hash.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Self { path: format!("/assets/{name}-{hash:016x}.{ending}"), content_type, bytes }
    }
}

/// The name's first letter on the colour, for the browser's tab and next to the name.
fn icon(brand: &Brand) -> String {
    let letter = brand.name.chars().next().unwrap_or('P').to_uppercase().to_string();
    let letter = letter.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"8\" \
         fill=\"{}\"/><text x=\"16\" y=\"22.5\" font-family=\"system-ui,sans-serif\" font-size=\"19\" \
         font-weight=\"600\" text-anchor=\"middle\" fill=\"#fff\">{letter}</text></svg>\n",
        brand.color
    )
}

fn read_logo(path: &PathBuf) -> Result<Asset, LookError> {
    let unusable = |problem: String| LookError { path: path.clone(), problem };
    let file = File::open(path).map_err(|cause| unusable(format!("cannot be read: {cause}")))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_LOGO + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| unusable(format!("cannot be read: {cause}")))?;
    if bytes.len() as u64 > LARGEST_LOGO {
        return Err(unusable("has more than 64 KiB".to_owned()));
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(Asset::new("logo", "png", "image/png", bytes.into()));
    }
    let text = std::str::from_utf8(&bytes).map(str::trim_start).unwrap_or_default();
    if (text.starts_with("<svg") || text.starts_with("<?xml")) && text.contains("<svg") {
        return Ok(Asset::new("logo", "svg", "image/svg+xml", bytes.into()));
    }
    Err(unusable("is neither an SVG nor a PNG picture".to_owned()))
}

/// The operator's picture cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the picture {path} {problem}. Point the setting `brand_logo` to an SVG or PNG file of at most 64 KiB that the server's user may read, or leave it out to show the name in letters", path = path.display())]
pub struct LookError {
    path: PathBuf,
    problem: String,
}

/// `GET /favicon.ico`, which browsers request where no page names an icon: for a picture, or the OpenAPI document.
pub(crate) async fn show_icon(State(app): State<App>) -> Redirect {
    Redirect::to(&format!("{}{}", app.public_url().path(), app.look().icon()))
}

/// `GET /apple-touch-icon.png`: the operator's picture, or else the icon.
pub(crate) async fn show_touch_icon(State(app): State<App>) -> Redirect {
    let path = app.look().logo().unwrap_or_else(|| app.look().icon());
    Redirect::to(&format!("{}{path}", app.public_url().path()))
}

/// `GET /assets/{name}`.
pub(crate) async fn serve_asset(State(app): State<App>, Path(name): Path<String>) -> Response {
    let Some(asset) = app.look().named(&name) else { return Error::NotFound.into_response() };
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
            (header::CACHE_CONTROL, FOR_GOOD.clone()),
            (header::CONTENT_SECURITY_POLICY, INERT.clone()),
        ],
        asset.bytes.clone(),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_a_small_picture_of_two_kinds() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Look::open(&Brand { logo: Some(path), ..Brand::default() })
        };
        let svg = open("a", b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
        assert_eq!(svg.logo.unwrap().content_type, "image/svg+xml");
        assert_eq!(open("b", b"\x89PNG\r\n\x1a\nrest").unwrap().logo.unwrap().content_type, "image/png");
        for (name, bytes) in
            [("c", &b"<html><svg/>"[..]), ("d", b"GIF89a"), ("e", &vec![b' '; 65537]), ("f", b"")]
        {
            let error = open(name, bytes).unwrap_err().to_string();
            assert!(error.contains("brand_logo"), "{error}");
        }
        let absent = Look::open(&Brand { logo: Some(folder.path().join("none")), ..Brand::default() });
        assert!(absent.unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn a_name_follows_the_content() {
        let path =
            |name: &str| Look::open(&Brand { name: name.to_owned(), ..Brand::default() }).unwrap().icon.path;
        assert_ne!(path("Shop"), path("Port"));
        assert_eq!(path("Shop"), path("Sea"));
        assert!(icon(&Brand { name: "<x".to_owned(), ..Brand::default() }).contains("&lt;"));
    }
}
