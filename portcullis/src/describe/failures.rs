//! One error for all handlers, with the statuses of each handler in its type.

use http::StatusCode;

use super::{Operation, each_arity};
use crate::answer::final_status;

/// Gives the error that your handlers share a wrapper whose type lists the statuses of each handler.
///
/// A handler rarely fails in all the ways that its error knows. `Failed<(NotFound, Busy)>` says which statuses are
/// possible here, and the document lists those and no others.
///
/// ```
/// use axum::response::{IntoResponse, Response};
/// use http::StatusCode;
/// use portcullis::{Api, Json, Path, Problem, Public, failures};
///
/// #[derive(Debug)]
/// enum Error { NoOrder, Busy, Database(String) }
///
/// impl IntoResponse for Error {
///     fn into_response(self) -> Response {
///         let (status, detail) = match self {
///             Self::NoOrder => (StatusCode::NOT_FOUND, "No such order"),
///             Self::Busy | Self::Database(_) => (StatusCode::SERVICE_UNAVAILABLE, "Try again later"),
///         };
///         (status, Json(Problem { detail: detail.to_owned() })).into_response()
///     }
/// }
///
/// failures! {
///     /// An [`Error`] with the statuses that a handler can fail with.
///     #[derive(Debug)]
///     pub struct Failed(Error);
///
///     /// The order does not exist
///     NotFound = 404,
///     /// Not available at the moment
///     Busy = 503,
/// }
///
/// async fn read_order(_: Public, Path(id): Path<u64>) -> Result<Json<u64>, Failed<(NotFound,)>> {
///     if id == 0 {
///         return Err(Error::NoOrder.into());
///     }
///     Ok(Json(id))
/// }
///
/// let (_, document) = Api::<()>::new("Shop", "1.0").get("/orders/{id}", read_order).finish()?;
/// let responses = &document.value()["paths"]["/orders/{id}"]["get"]["responses"];
/// assert_eq!(responses["404"]["description"], "The order does not exist");
/// assert!(responses.get("503").is_none());
/// # Ok::<(), portcullis::ApiError>(())
/// ```
///
/// The wrapper takes everything that your error takes, so `?` works as before: it implements `From<E>` for each
/// `E: Into<Error>`. It sends what your error sends. The compiler cannot see which statuses that is, so compare responses
/// with the document in your tests; [`testing::Attack`](https://docs.rs/portcullis/latest/portcullis/testing/) does.
///
/// A line's doc comment is the description in the document, and its number the status. From 400 on, the body is a
/// [`Problem`](crate::Problem), unless the line names another: `Unprocessable(InvalidInput) = 422`. A header is added with
/// `+`: `Throttled = 429 + "Retry-After": "Seconds to wait"`. Your error is a type of your own crate.
#[macro_export]
macro_rules! failures {
    (@describe $operation:ident) => {
        $operation.problem(<Self as $crate::describe::Refusal>::status(), <Self as $crate::describe::Refusal>::WHEN)
    };
    (@describe $operation:ident $body:ty) => {
        $operation.restated(
            <Self as $crate::describe::Refusal>::status(),
            <Self as $crate::describe::Refusal>::WHEN,
            <$body as $crate::describe::DescribeResponse>::describe_response,
        )
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident($error:ty);
        $(
            $(#[doc = $when:literal])+
            $refusal:ident $(($body:ty))? = $status:literal $(+ $header:literal: $meaning:literal)?
        ),+ $(,)?
    ) => {
        $(#[$attribute])*
        $visibility struct $name<S>($error, ::core::marker::PhantomData<fn() -> S>);

        impl<S, E: ::core::convert::Into<$error>> ::core::convert::From<E> for $name<S> {
            fn from(error: E) -> Self {
                Self(error.into(), ::core::marker::PhantomData)
            }
        }

        impl<S> $crate::__answers::IntoResponse for $name<S> {
            fn into_response(self) -> $crate::__answers::Response {
                $crate::__answers::IntoResponse::into_response(self.0)
            }
        }

        impl<S: $crate::describe::Refusals> $crate::describe::DescribeResponse for $name<S> {
            fn describe_response(operation: &mut $crate::describe::Operation<'_>) {
                S::describe_all(operation);
            }
        }

        $(
            $(#[doc = $when])+
            #[derive(Debug)]
            $visibility enum $refusal {}

            impl $crate::describe::Refusal for $refusal {
                const WHEN: &'static str = concat!($($when, "\n"),+).trim_ascii();

                fn status() -> $crate::__answers::StatusCode {
                    $crate::__answers::status::<{ $status }>()
                }

                fn describe(operation: &mut $crate::describe::Operation<'_>) {
                    $crate::failures!(@describe operation $($body)?);
                    $(operation.response_header(Self::status(), $header, $meaning);)?
                }
            }
        )+
    };
}

/// A status that a handler can fail with. [`failures!`](crate::failures) implements it.
pub trait Refusal {
    /// When the handler responds with it: the description in the document.
    const WHEN: &'static str;

    /// The status.
    fn status() -> StatusCode;

    /// Adds the response to `operation`.
    fn describe(operation: &mut Operation<'_>);
}

/// The statuses of one handler: a tuple of [`Refusal`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not list statuses",
    note = "write a tuple of the names that `portcullis::failures!` declares; one alone is `(NotFound,)`"
)]
pub trait Refusals {
    /// Adds all of them to `operation`.
    fn describe_all(operation: &mut Operation<'_>);
}

macro_rules! all_of {
    ($($refusal:ident),*) => {
        impl<$($refusal: Refusal),*> Refusals for ($($refusal,)*) {
            fn describe_all(operation: &mut Operation<'_>) {
                let _ = &operation;
                $($refusal::describe(operation);)*
            }
        }
    };
}
each_arity!(all_of);

/// A final status, checked at compile time.
#[doc(hidden)]
#[must_use]
pub fn status<const STATUS: u16>() -> StatusCode {
    final_status::<STATUS>()
}
