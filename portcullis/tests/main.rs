//! The library from outside: one test binary, one module per part.

mod cases {
    mod input;
}
