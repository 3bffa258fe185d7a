//! An `Api` takes in an `Api`.

use portcullis::Api;

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").nest("/x", axum::Router::new());
}
