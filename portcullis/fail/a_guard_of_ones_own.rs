//! Another form of "who may call" than the reader knows.

use portcullis::{describe::Operation, guard::Access};

struct Everyone;

impl Access for Everyone {
    fn describe_access(_: &mut Operation<'_>) {}
}

fn main() {}
