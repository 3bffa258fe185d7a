//! The library from outside: one test binary, one module per part.

// Tells clippy that all of it is test code, helper functions too.
#[cfg(test)]
mod cases {
    mod input;
}
