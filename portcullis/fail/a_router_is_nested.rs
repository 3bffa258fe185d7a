//! An `Api` can only nest another `Api`.

use portcullis::Api;

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").nest("/x", axum::Router::new());
}
