//! Pages to learn from. They hold no code of the library, and every block of theirs is compiled by its tests.

#[doc = include_str!("../docs/coming-from-fastapi.md")]
pub mod coming_from_fastapi {}

#[doc = include_str!("../docs/into-your-application.md")]
pub mod into_your_application {}

#[doc = include_str!("../docs/issuers.md")]
pub mod issuers {}

#[doc = include_str!("../docs/mistakes.md")]
pub mod mistakes {}

#[doc = include_str!("../docs/schemes.md")]
pub mod schemes {}

/// The page of the package, whose program is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub mod readme {}
