//! Forms with files.

use axum::{Router, body::Body, routing::post as on_post};
use bytes::Bytes;
use http::StatusCode;
use portcullis::{Json, Multipart, input::File};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, post};

const MAX: usize = 1000;

#[derive(Debug, Deserialize, JsonSchema)]
struct Picture {
    #[schemars(length(max = 5))]
    title: String,
    width: Option<u32>,
    image: File<MAX>,
    thumbnail: Option<File<10>>,
    #[serde(default)]
    more: Vec<File<10>>,
    #[serde(default)]
    tag: Vec<String>,
}

async fn show(Multipart(picture): Multipart<Picture>) -> Json<Value> {
    let file = |file: &File<10>| json!([file.file_name(), file.content_type(), file.bytes().len()]);
    Json(json!({
        "title": picture.title,
        "width": picture.width,
        "image": [picture.image.file_name(), picture.image.content_type(), picture.image.bytes().len()],
        "thumbnail": picture.thumbnail.as_ref().map(file),
        "more": picture.more.iter().map(file).collect::<Vec<_>>(),
        "tag": picture.tag,
        "debug": format!("{:?}", picture.image),
        "sum": picture.image.into_bytes().iter().map(|byte| u64::from(*byte)).sum::<u64>(),
    }))
}

fn app() -> Router {
    Router::new().route("/", on_post(show))
}

fn text(name: &str, value: &str) -> Vec<u8> {
    format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
}

fn file(name: &str, file_name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--X\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: image/png\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n"].concat()
}

async fn send(parts: &[Vec<u8>]) -> Answer {
    let body = [parts.concat(), b"--X--\r\n".to_vec()].concat();
    post(&app(), "multipart/form-data; boundary=X", body).await
}

/// A title and an image, which every valid body has, and other parts.
async fn with(parts: &[Vec<u8>]) -> Answer {
    let base = [text("title", "t"), file("image", "a.png", &[1; 3])];
    send(&[&base, parts].concat()).await
}

#[tokio::test]
async fn takes_texts_and_files() {
    let answer = with(&[
        text("width", "640"),
        file("thumbnail", "", b"x"),
        file("more", "1.png", b"1"),
        file("more", "2.png", b"22"),
        text("tag", "a"),
        text("tag", "b"),
    ])
    .await;
    assert_eq!(
        answer.body,
        json!({
            "title": "t", "width": 640, "image": ["a.png", "image/png", 3], "thumbnail": [null, "image/png", 1],
            "more": [["1.png", "image/png", 1], ["2.png", "image/png", 2]], "tag": ["a", "b"],
            "debug": "File(3 bytes of at most 1000)", "sum": 3,
        })
    );
    assert_eq!(with(&[]).await.status, 200);
    // A file's content is arbitrary bytes: NUL, the boundary without a line break, anything.
    let odd = send(&[text("title", "t"), file("image", "a", b"\0\xff--X\r\n-")]).await;
    assert_eq!(odd.body["image"][2], 8);
}

#[tokio::test]
async fn a_file_that_was_not_chosen_counts_as_not_sent() {
    assert_eq!(with(&[file("thumbnail", "", b"")]).await.body["thumbnail"], Value::Null);
    assert_eq!(with(&[file("thumbnail", "empty.png", b"")]).await.body["thumbnail"][2], 0);
    let answer = send(&[text("title", "t"), file("image", "", b"")]).await;
    assert_eq!(answer.errors(), ["missing body.image: Field required"]);
}

#[tokio::test]
async fn names_every_bad_part_in_one_answer() {
    let answer = send(&[
        text("title", "hunter2"),
        text("width", "hunter2"),
        text("image", "hunter2"),
        file("tag", "hunter2", b"hunter2"),
        text("thumbnail", "hunter2"),
        text("thumbnail", "hunter2"),
        file("role", "hunter2", b"hunter2"),
    ])
    .await;
    assert_eq!(
        answer.errors(),
        [
            "extra_forbidden body.role: Extra inputs are not permitted",
            "int_parsing body.width: Input should be a valid integer, unable to parse string as an integer",
            "string_too_long body.title: String should have at most 5 characters",
            "string_type body.tag.0: Input should be a valid string",
            "value_error body.image: Input should be a file",
            "value_error body.thumbnail: Field given more than once",
            "value_error body.thumbnail: Input should be a file",
        ]
    );
    assert!(!answer.body.to_string().contains("hunter2"), "{}", answer.body);
    assert_eq!(
        send(&[]).await.errors(),
        ["missing body.image: Field required", "missing body.title: Field required"]
    );
    let twice = with(&[file("image", "b.png", b"2")]).await;
    assert_eq!(twice.errors(), ["value_error body.image: Field given more than once"]);
}

#[tokio::test]
async fn a_file_is_refused_one_byte_over_its_limit() {
    let sized = |size: usize| send_image(vec![7; size]);
    assert_eq!(sized(MAX).await.body["image"][2], MAX);
    let answer = sized(MAX + 1).await;
    assert_eq!(
        (answer.status, answer.detail()),
        (StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large")
    );
    assert_eq!(with(&[file("more", "a", &[1; 10])]).await.status, 200);
    assert_eq!(with(&[file("more", "a", &[1; 11])]).await.status, 413);
}

async fn send_image(content: Vec<u8>) -> Answer {
    send(&[text("title", "t"), file("image", "a", &content)]).await
}

#[tokio::test]
async fn a_text_and_an_unknown_part_have_at_most_64_kib() {
    for name in ["tag", "unknown"] {
        let expected = if name == "tag" { 200 } else { 422 };
        assert_eq!(with(&[text(name, &"x".repeat(65_536))]).await.status, expected);
        assert_eq!(with(&[text(name, &"x".repeat(65_537))]).await.status, 413);
    }
}

#[tokio::test]
async fn the_whole_is_bounded_and_an_endless_body_ends() {
    let head = [
        text("title", "t"),
        b"--X\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n".to_vec(),
    ];
    let endless = futures_util::stream::iter(
        std::iter::once(Bytes::from(head.concat()))
            .chain(std::iter::repeat(Bytes::from_static(&[b'a'; 1024]))),
    );
    let body = Body::from_stream(futures_util::StreamExt::map(endless, Ok::<_, std::io::Error>));
    assert_eq!(post(&app(), "multipart/form-data; boundary=X", body).await.status, 413);
    let announced = Body::from(vec![b'a'; 8 << 20]);
    assert_eq!(post(&app(), "multipart/form-data; boundary=X", announced).await.status, 413);
}

#[tokio::test]
async fn a_body_has_at_most_twenty_parts() {
    let tags = |count: usize| vec![text("tag", "x"); count];
    assert_eq!(with(&tags(18)).await.status, 200);
    let answer = with(&tags(19)).await;
    assert_eq!((answer.status, answer.detail()), (StatusCode::BAD_REQUEST, "Too many parts"));
}

#[tokio::test]
async fn it_may_arrive_byte_by_byte() {
    let body = [text("title", "t"), file("image", "a", &[9; 100]), b"--X--\r\n".to_vec()].concat();
    let bytes = body.into_iter().map(|byte| Ok::<_, std::io::Error>(Bytes::from(vec![byte])));
    let body = Body::from_stream(futures_util::stream::iter(bytes));
    assert_eq!(post(&app(), "multipart/form-data; boundary=X", body).await.body["sum"], 900);
}

#[tokio::test]
async fn what_is_no_multipart_is_refused_as_a_whole() {
    let good = [text("title", "t"), file("image", "a", b"x"), b"--X--\r\n".to_vec()].concat();
    let longest = "X".repeat(71);
    for (content_type, status) in [
        ("application/json", 415),
        ("multipart/mixed; boundary=X", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=\"\"", 400),
        ("multipart/form-data; boundary=Y", 400),
        (&format!("multipart/form-data; boundary={longest}"), 400),
        ("Multipart/Form-Data; boundary=X", 200),
        ("multipart/form-data; charset=utf-8; boundary=\"X\"", 200),
    ] {
        assert_eq!(post(&app(), content_type, good.clone()).await.status, status, "{content_type}");
    }
    let cut = &good[..good.len() - 9];
    for body in [
        b"".as_slice(),
        b"--X",
        b"--X\r\n\r\n",
        cut,
        b"--X\r\nContent-Disposition: form-data\r\n\r\nx\r\n--X--",
    ] {
        assert_eq!(
            post(&app(), "multipart/form-data; boundary=X", body.to_vec()).await.status,
            400,
            "{body:?}"
        );
    }
    let answer = with(&[[text("tag", "").as_slice()].concat(), file("tag", "x", b"")]).await;
    assert_eq!(answer.errors(), ["string_type body.tag.0: Input should be a valid string"]);
    let no_utf_8 = b"--X\r\nContent-Disposition: form-data; name=\"tag\"\r\n\r\n\xff\r\n".to_vec();
    assert_eq!(with(&[no_utf_8]).await.status, 400);
    assert_eq!(with(&[text("tag", "\0")]).await.status, 422);
}

#[tokio::test]
async fn what_a_client_claims_is_cut() {
    let answer = send(&[text("title", "t"), file("image", &"ä".repeat(300), b"x")]).await;
    assert_eq!(answer.body["image"][0].as_str().unwrap().chars().count(), 255);
}

/// A body that arrives in many pieces, each after everything before it was processed.
async fn send_slowly(body: Vec<u8>) -> Answer {
    let pieces: Vec<_> = body.chunks(16 * 1024).map(Bytes::copy_from_slice).collect();
    let pieces = futures_util::stream::unfold(pieces.into_iter(), |mut pieces| async {
        tokio::task::yield_now().await;
        Some((Ok::<_, std::io::Error>(pieces.next()?), pieces))
    });
    post(&large(), "multipart/form-data; boundary=X", Body::from_stream(pieces)).await
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Large {
    file: File<67_108_864>,
}

fn large() -> Router {
    Router::new().route("/", on_post(async |_: Multipart<Large>| ()))
}

#[tokio::test]
async fn j01_what_stands_before_a_part_is_bounded() {
    let part = file("file", "a.png", b"x");
    let end = b"--X--\r\n".to_vec();
    let too_long = "What stands before a part, or its headers, is too long";
    let header = |length: usize| {
        let head = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nX-Long: ";
        [head.as_bytes(), &vec![b'x'; length], b"\r\n\r\ny\r\n"].concat()
    };
    for (what, body, is_good) in [
        ("a preamble", [b"Some words.\r\n".to_vec(), part.clone(), end.clone()].concat(), true),
        (
            "a long preamble",
            [vec![b'x'; 20_000], b"\r\n".to_vec(), part.clone(), end.clone()].concat(),
            false,
        ),
        ("an endless preamble", vec![b'x'; 8 << 20], false),
        ("line breaks without end", b"\r\n--".repeat(1 << 20), false),
        ("headers", [header(1_500), end.clone()].concat(), true),
        ("long headers", [header(3_000), end.clone()].concat(), false),
        ("endless headers", header(8 << 20), false),
        ("endless headers of a later part", [part.clone(), header(8 << 20)].concat(), false),
    ] {
        for answer in
            [post(&large(), "multipart/form-data; boundary=X", body.clone()).await, send_slowly(body).await]
        {
            if is_good {
                assert_eq!(answer.status, 200, "{what}: {}", answer.body);
            } else {
                assert_eq!((answer.status.as_u16(), answer.detail()), (400, too_long), "{what}");
            }
        }
    }
}

/// Bytes that never become a part are dropped early, so their memory stays far below what was sent.
#[test]
fn j01_what_stands_before_a_part_is_not_kept() {
    use axum::extract::FromRequest;
    use futures_util::FutureExt;

    let body = Bytes::from(vec![b'x'; 8 << 20]);
    let allocated = allocation_counter::measure(|| {
        let request = http::Request::post("/").header("content-type", "multipart/form-data; boundary=X");
        let request = request.body(Body::from_stream(futures_util::stream::iter(
            (0..512).map(move |piece| Ok::<_, std::io::Error>(body.slice(piece << 14..(piece + 1) << 14))),
        )));
        let mut read = Box::pin(Multipart::<Large>::from_request(request.unwrap(), &()));
        let read = (0..100).find_map(|_| (&mut read).now_or_never()).expect("it is refused after few pieces");
        assert_eq!(read.err().expect("no part begins").status(), 400);
    });
    assert!(allocated.bytes_total < 1 << 20, "{allocated:?}");
}
