//! Enums whose variants are responses with one status each.

/// Writes an enum whose variants are responses, each with its own status: the outcomes of a handler, or an error.
///
/// ```
/// use portcullis::{Json, Path, Public, answers};
///
/// #[derive(Debug, serde::Serialize, schemars::JsonSchema)]
/// struct Order { id: u64 }
///
/// answers! {
///     #[derive(Debug)]
///     pub enum ReadOrder {
///         /// The order.
///         Found(Json<Order>) = 200,
///         /// There is no such order.
///         Missing = 404,
///         /// The order has been deleted.
///         Gone = 410,
///     }
/// }
///
/// async fn read_order(_: Public, Path(id): Path<u64>) -> ReadOrder {
///     match id {
///         0 => ReadOrder::Missing, // 404 {"detail":"There is no such order."}
///         id => ReadOrder::Found(Json(Order { id })),
///     }
/// }
/// ```
///
/// A variant's doc comment is the description of its response in the document. A variant can hold any response that
/// describes itself; it is sent with the variant's status. A variant that holds nothing has no content. From 400 on it
/// is a problem whose `detail` is the first paragraph of the doc comment: **clients read it**.
///
/// The enum implements [`IntoResponse`](axum::response::IntoResponse) and
/// [`DescribeResponse`](crate::describe::DescribeResponse), so it can also be an error:
/// `Result<Json<Order>, ReadFailed>`. It has no generic parameters, its variants have no other attributes, and each
/// variant holds at most one value. A status that is not final (below 200, above 599) does not compile.
#[macro_export]
macro_rules! answers {
    (@name $name:ident $body:ty) => { $name };
    (@send $status:literal [$($doc:literal)*] $held:ident) => {
        $crate::__answers::plain::<{ $status }>(&[$($doc),*])
    };
    (@send $status:literal [$($doc:literal)*] $held:ident $body:ty) => {
        $crate::__answers::IntoResponse::into_response($crate::Answer::<{ $status }, _>($held))
    };
    (@describe $operation:ident $status:literal [$($doc:literal)*]) => {
        $crate::__answers::describe_plain::<{ $status }>($operation, &[$($doc),*])
    };
    (@describe $operation:ident $status:literal [$($doc:literal)*] $body:ty) => {
        $crate::__answers::describe::<{ $status }, $body>($operation, &[$($doc),*])
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident {
            $($(#[doc = $doc:literal])* $variant:ident $(($body:ty))? = $status:literal),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $name {
            $($(#[doc = $doc])* $variant $(($body))?,)+
        }

        impl $crate::__answers::IntoResponse for $name {
            fn into_response(self) -> $crate::__answers::Response {
                match self {
                    $(Self::$variant $(($crate::answers!(@name held $body)))? => $crate::answers!(
                        @send $status [$($doc)*] held $($body)?
                    ),)+
                }
            }
        }

        impl $crate::describe::DescribeResponse for $name {
            fn describe_response(operation: &mut $crate::describe::Operation<'_>) {
                $($crate::answers!(@describe operation $status [$($doc)*] $($body)?);)+
            }
        }
    };
}

/// The functions that [`answers!`] calls.
#[doc(hidden)]
pub mod __answers {
    pub use axum::response::{IntoResponse, Response};
    pub use http::StatusCode;

    pub use crate::describe::failures::status;

    use crate::{
        answer::{final_status, json},
        denied::Problem,
        describe::{DescribeResponse, Operation},
    };

    /// The response of a variant that holds nothing.
    #[must_use]
    pub fn plain<const STATUS: u16>(doc: &[&str]) -> Response {
        let status = final_status::<STATUS>();
        if is_problem(status) {
            json(status, &Problem { detail: first_paragraph(doc, status) })
        } else {
            status.into_response()
        }
    }

    /// Documents a variant that holds nothing.
    pub fn describe_plain<const STATUS: u16>(operation: &mut Operation<'_>, doc: &[&str]) {
        let status = final_status::<STATUS>();
        if is_problem(status) {
            operation.problem(status, &description(doc, status));
        } else {
            operation.empty_response(status, &description(doc, status));
        }
    }

    /// Documents a variant that holds a `T`.
    pub fn describe<const STATUS: u16, T: DescribeResponse>(operation: &mut Operation<'_>, doc: &[&str]) {
        let status = final_status::<STATUS>();
        operation.restated(status, &description(doc, status), T::describe_response);
    }

    fn is_problem(status: StatusCode) -> bool {
        status.is_client_error() || status.is_server_error()
    }

    fn description(doc: &[&str], status: StatusCode) -> String {
        let lines: Vec<_> = doc.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        or_reason(lines.join("\n").trim(), status)
    }

    fn first_paragraph(doc: &[&str], status: StatusCode) -> String {
        let lines = doc.iter().map(|line| line.trim()).skip_while(|line| line.is_empty());
        or_reason(&lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" "), status)
    }

    fn or_reason(text: &str, status: StatusCode) -> String {
        if text.is_empty() {
            status.canonical_reason().unwrap_or("Answer").to_owned()
        } else {
            text.to_owned()
        }
    }
}
