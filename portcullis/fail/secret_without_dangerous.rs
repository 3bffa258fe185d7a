//! A shared secret, as if it were as good as a key.

use portcullis::AccessTokens;

fn main() {
    let _ = AccessTokens::issued_by("https://accounts.example").audience("shop").shared_secret(&[7; 32]);
}
