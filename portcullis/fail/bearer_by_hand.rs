//! A credential is constructed from text that was not parsed.

use portcullis::Bearer;

fn main() {
    let _ = Bearer("stolen".to_owned());
    let _ = Bearer::from("stolen".to_owned());
}
