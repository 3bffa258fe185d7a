//! A handler's doc comment in the document.

use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};

use super::{DescribeResponse, Operation};

/// Puts the doc comments of handlers into the document, as the descriptions (`CommonMark`) of their operations. Readers
/// of the code and of the document get the same text.
///
/// A route sees only the type of its handler, which does not include the doc comment. So the macro makes each function
/// return a [`Documented`], which wraps the declared return type and carries the comment in its type. Otherwise the
/// function stays the same: `async`, with `?` and `return`, and called by its name.
/// [`Route::description`](crate::api::Route::description) overrides the comment.
///
/// Other attributes, such as `#[tracing::instrument(skip_all)]`, stay on the function. Handlers with type parameters
/// are not supported; describe their routes instead.
///
/// ```
/// use portcullis::{Api, Json, Path, Public, answers, documented};
/// # #[derive(serde::Serialize, schemars::JsonSchema)]
/// # struct Item { id: u32 }
/// # answers! { enum Refused { /// There is no such item.
/// # NoItem = 404, } }
///
/// documented! {
///     /// What is known of an item.
///     ///
///     /// Prices are in **cents**.
///     async fn read_item(_: Public, Path(id): Path<u32>) -> Result<Json<Item>, Refused> {
///         if id == 0 {
///             return Err(Refused::NoItem);
///         }
///         Ok(Json(Item { id }))
///     }
/// }
///
/// let (_, document) = Api::<()>::new("Shop", "1.0").get("/items/{id}", read_item).finish()?;
/// let entry = &document.value()["paths"]["/items/{id}"]["get"];
/// assert_eq!(entry["description"], "What is known of an item.\n\nPrices are in **cents**.");
/// # Ok::<(), portcullis::ApiError>(())
/// ```
#[macro_export]
macro_rules! documented {
    (@answer) => { () };
    (@answer $answer:ty) => { $answer };
    // Sorts doc comments from other attributes.
    (@sort [$($line:expr),*] [$($other:tt)*] [[doc = $next:expr] $($rest:tt)*] $($function:tt)*) => {
        $crate::documented!(@sort [$($line,)* $next] [$($other)*] [$($rest)*] $($function)*);
    };
    (@sort [$($line:expr),*] [$($other:tt)*] [[$($next:tt)*] $($rest:tt)*] $($function:tt)*) => {
        $crate::documented!(@sort [$($line),*] [$($other)* #[$($next)*]] [$($rest)*] $($function)*);
    };
    (
        @sort [$($line:expr),+] [$($other:tt)*] []
        $visibility:vis async fn $name:ident($($arguments:tt)*) $(-> $answer:ty)? $body:block
    ) => {
        // A function and a type may share a name.
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        $visibility enum $name {}

        impl $crate::DocComment for $name {
            const LINES: &'static [&'static str] = &[$($line),+];
        }

        $(#[doc = $line])+
        $($other)*
        $visibility async fn $name(
            $($arguments)*
        ) -> $crate::describe::Documented<$crate::documented!(@answer $($answer)?), $name> {
            let answer: $crate::documented!(@answer $($answer)?) = async move $body.await;
            $crate::describe::Documented::new(answer)
        }
    };
    ($(
        $(#[$($attribute:tt)+])+
        $visibility:vis async fn $name:ident($($arguments:tt)*) $(-> $answer:ty)? $body:block
    )+) => {$(
        $crate::documented!(
            @sort [] [] [$([$($attribute)+])+]
            $visibility async fn $name($($arguments)*) $(-> $answer)? $body
        );
    )+};
}

/// What a handler of [`documented!`](crate::documented) returns: `R`, with the handler's doc comment in the type.
#[derive(Debug, Clone, Copy)]
pub struct Documented<R, D> {
    answer: R,
    comment: PhantomData<fn() -> D>,
}

impl<R, D> Documented<R, D> {
    #[doc(hidden)]
    pub fn new(answer: R) -> Self {
        Self { answer, comment: PhantomData }
    }

    /// Returns the inner value, for a test that calls the handler.
    pub fn into_inner(self) -> R {
        self.answer
    }
}

impl<R: IntoResponse, D> IntoResponse for Documented<R, D> {
    fn into_response(self) -> Response {
        self.answer.into_response()
    }
}

impl<R: DescribeResponse, D: DocComment> DescribeResponse for Documented<R, D> {
    fn describe_response(operation: &mut Operation<'_>) {
        R::describe_response(operation);
        // The text after `///` begins with a space.
        let lines = D::LINES.iter().flat_map(|text| text.lines().chain(text.is_empty().then_some("")));
        let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        operation.set("description", lines.join("\n").trim().into());
    }
}

/// The lines of a doc comment.
#[doc(hidden)]
pub trait DocComment {
    const LINES: &'static [&'static str];
}
