//! A credential is made of a text that no parser saw.

use portcullis::Bearer;

fn main() {
    let _ = Bearer("stolen".to_owned());
    let _ = Bearer::from("stolen".to_owned());
}
