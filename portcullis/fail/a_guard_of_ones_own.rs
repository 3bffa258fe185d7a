//! An `Access` type of one's own, which a reader would not recognise.

use portcullis::{describe::Operation, guard::Access};

struct Everyone;

impl Access for Everyone {
    fn describe_access(_: &mut Operation<'_>) {}
}

fn main() {}
