//! A shared secret is set without `dangerous()`.

use portcullis::AccessTokens;

fn main() {
    let _ = AccessTokens::issued_by("https://accounts.example").audience("shop").shared_secret(&[7; 32]);
}
