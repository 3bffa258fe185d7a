//! Generates code for functions and tuples of every length.

/// Calls the macro `$of` with names for the arguments of a handler after the first: none, one, and so on up to fifteen,
/// the maximum that axum supports.
macro_rules! each_arity {
    ($of:ident) => {
        $crate::arity::each_arity!(@ $of [] A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16);
    };
    (@ $of:ident [$($known:ident)*]) => {
        $of!($($known),*);
    };
    (@ $of:ident [$($known:ident)*] $next:ident $($rest:ident)*) => {
        $of!($($known),*);
        $crate::arity::each_arity!(@ $of [$($known)* $next] $($rest)*);
    };
}
pub(crate) use each_arity;
