//! The profile picture.

use std::io::Cursor;
use std::path::Path;
use std::time::Instant;

use futures_util::future::{join, join_all};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::json;

use crate::on_both_databases;
use crate::support::{Client, TestApp};

pub fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let pixels = RgbImage::from_fn(width, height, |x, y| Rgb([x.to_le_bytes()[0], y.to_le_bytes()[0], 90]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(pixels).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Every file below the folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path.display().to_string()) }
        }
    }
    found
}

/// The path of a URL under the public address.
fn path_of(url: &str) -> String {
    url.strip_prefix("http://localhost:8000").unwrap().to_owned()
}

on_both_databases! {
    async fn f02_a_picture_is_encoded_anew_and_read_by_its_owner_alone(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        for (format, content_type) in [
            (ImageFormat::Png, "image/png"),
            (ImageFormat::Jpeg, "image/jpeg"),
            (ImageFormat::WebP, "image/webp"),
        ] {
            let sent = picture(format, 300, 200);
            let answer = ada.post("/upload-profile-image").file("file", "application/octet-stream", &sent).await;
            let url = answer.assert(201).json()["url"].as_str().unwrap().to_owned();
            assert_eq!(ada.get("/profile").send().await.json()["profile_image_url"], json!(url));

            let read = ada.get(&path_of(&url)).send().await.assert(200);
            assert_eq!(read.header("content-type"), content_type);
            assert_eq!(read.header("x-content-type-options"), "nosniff");
            assert_eq!(read.header("content-security-policy"), "sandbox; default-src 'none'");
            let decoded = image::load_from_memory_with_format(&read.body, format).unwrap();
            assert_eq!((decoded.width(), decoded.height()), (300, 200));

            // Another account's picture looks like one that does not exist.
            let eve = if format == ImageFormat::Png { app.as_user("eve").await } else { app.log_in("eve").await };
            let anothers = eve.get(&path_of(&url)).send().await.assert(404);
            let nobodys = eve.get("/profile-images/0192f0c1-2345-7abc-8def-0123456789ab").send().await.assert(404);
            assert_eq!(anothers.body, nobodys.body);
            app.stranger().get(&path_of(&url)).send().await.assert(401);
        }
        assert_eq!(files(&app.place.data_dir().join("objects")).len(), 1, "the replaced pictures are gone");
        ada.delete("/profile-image").send().await.assert(204);
        ada.delete("/profile-image").send().await.assert(204);
        assert_eq!(ada.get("/profile").send().await.json()["profile_image_url"], json!(null));
        assert!(files(&app.place.data_dir().join("objects")).is_empty());
    }

    async fn f01_no_name_leads_out_of_the_store(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        for id in ["..%2Fsecret.key", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5Cx", "CON", "a%2Fb", &"x".repeat(4096), "%2Fetc%2Fpasswd"] {
            ada.get(&format!("/profile-images/{id}")).send().await.assert(404);
        }
        ada.get("/profile-images/%00").send().await.assert(422);
        let (boundary, png) = ("multipart/form-data; boundary=b", picture(ImageFormat::Png, 8, 8));
        for name in ["../../evil.png", "..\\\\evil.png", "/etc/evil.png", "CON", "a\\0b"] {
            let head = format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
            let body = [head.as_bytes(), &png, b"\r\n--b--\r\n"].concat();
            ada.post("/upload-profile-image").header("content-type", boundary).body(body).await.assert(201);
        }
        let names = files(app.place.data_dir()).join(" ");
        assert!(!names.contains("evil") && !names.contains("CON"), "{names}");
        assert_eq!(files(&app.place.data_dir().join("objects")).len(), 1);
    }

    async fn f03_the_content_decides_the_type(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let refused: [&[u8]; 5] = [
            b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
            b"<!doctype html><script>alert(1)</script>",
            b"%PDF-1.7",
            b"not a picture",
        ];
        for bytes in refused {
            ada.post("/upload-profile-image").file("file", "image/png", bytes).await.assert(415);
        }
        let polyglot = [picture(ImageFormat::Png, 20, 20), b"<script>alert('canary')</script>".to_vec()].concat();
        let answer = ada.post("/upload-profile-image").file("file", "text/html", &polyglot).await.assert(201);
        let url = answer.json()["url"].as_str().unwrap().to_owned();
        let stored = ada.get(&path_of(&url)).send().await.assert(200);
        assert!(!stored.body.windows(6).any(|bytes| bytes == b"canary"));
    }

    async fn f04_bombs_and_broken_pictures_are_refused_quickly(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let png = picture(ImageFormat::Png, 64, 64);
        let mut huge = png.clone();
        huge[16..24].copy_from_slice(&[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]);
        let jpeg = picture(ImageFormat::Jpeg, 64, 64);
        for bytes in [&huge[..], &png[..png.len() / 2], &jpeg[..jpeg.len() / 2], &png[..9]] {
            let begin = Instant::now();
            ada.post("/upload-profile-image").file("file", "image/png", bytes).await.assert_invalid(&["body.file"]);
            assert!(begin.elapsed().as_secs() < 5);
        }
        ada.post("/upload-profile-image").file("file", "image/png", b"").await.assert(415);
        assert!(files(&app.place.data_dir().join("objects")).is_empty());
    }

    async fn an_upload_is_one_file_of_bounded_size(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let most = 16 * 1024 * 1024;
        let mut bytes = picture(ImageFormat::Png, 8, 8);
        bytes.resize(most, 0);
        ada.post("/upload-profile-image").file("file", "image/png", &bytes).await.assert(201);
        bytes.push(0);
        ada.post("/upload-profile-image").file("file", "image/png", &bytes).await.assert(413);
        let png = picture(ImageFormat::Png, 8, 8);
        ada.post("/upload-profile-image").file("picture", "image/png", &png).await
            .assert_invalid(&["body.file", "body.picture"]);
        ada.post("/upload-profile-image").json(&json!({ "file": "x" })).await.assert(415);
        // Who does not wait for the rest of a long body says so.
        let refused = async |bytes: &[u8]| {
            app.stranger().post("/upload-profile-image").file("file", "image/png", bytes).await.assert(401)
        };
        assert_eq!(refused(&png).await.headers.get("connection"), None);
        assert_eq!(refused(&vec![0; 100_000]).await.header("connection"), "close");
    }

    async fn uploads_at_once_leave_one_picture_whole(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let pictures: Vec<_> = (1..=8).map(|n| picture(ImageFormat::Png, n * 10, 10)).collect();
        let uploads = pictures.iter().map(|bytes| ada.post("/upload-profile-image").file("file", "image/png", bytes));
        for answer in join_all(uploads).await {
            answer.assert(201);
        }
        let url = ada.get("/profile").send().await.json()["profile_image_url"].as_str().unwrap().to_owned();
        let read = ada.get(&path_of(&url)).send().await.assert(200);
        image::load_from_memory(&read.body).unwrap();
        assert_eq!(app.place.value("SELECT COUNT(*) FROM profile_images").await, "1");
    }

    async fn n02_one_network_does_not_fill_the_queue_of_the_decoder(database: Database) {
        let app = TestApp::new(database).await;
        let (ada, bob) = (app.as_user("ada").await, app.as_user("bob").await);
        let (hog, other) = ("198.51.100.7", "203.0.113.9");
        let (ada, bob) = (app.stranger_at(hog).with_token(ada.token()), app.stranger_at(other).with_token(bob.token()));
        let large = picture(ImageFormat::Png, 1500, 1500);
        let send = |client: Client| {
            let large = &large;
            async move { client.post("/upload-profile-image").file("file", "image/png", large).await }
        };
        let many = join_all((0..16).map(|_| send(ada.clone())));
        // Its own network is busy, and the others are not.
        let (answers, answer) = join(many, send(bob)).await;
        answer.assert(201);
        let (taken, busy): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!((taken.len(), busy.len()), (8, 8));
        for answer in busy {
            assert_eq!(answer.assert(503).header("retry-after"), "1");
        }
        send(ada).await.assert(201);
    }

    async fn a_deleted_account_takes_its_picture_along(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let ada = app.log_in("ada").await;
        let png = picture(ImageFormat::Png, 8, 8);
        ada.post("/upload-profile-image").file("file", "image/png", &png).await.assert(201);
        app.delete(id).await;
        assert!(files(&app.place.data_dir().join("objects")).is_empty());
    }
}
