//! Pictures and `kill -9`: each is there completely or not at all, and no file is left behind forever.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{ImageFormat, RgbImage};
use portcullis_server::random;
use tokio::time::sleep;

use super::operator::path_of;
use crate::on_both_databases;
use crate::support::Place;
use crate::support::process::{Server, eventually};
use crate::support::remote::Remote;

const ROUNDS: u8 = 6;

/// A PNG that hardly compresses; each seed has its own.
pub(super) fn picture(seed: u32) -> Vec<u8> {
    let noise = |x: u32, y: u32| {
        (x.wrapping_mul(31) ^ y.wrapping_mul(17) ^ seed).wrapping_mul(0x9E37_79B1).to_be_bytes()
    };
    let pixels = RgbImage::from_fn(400, 400, |x, y| {
        let [red, green, blue, _] = noise(x, y);
        image::Rgb([red, green, blue])
    });
    let mut bytes = Vec::new();
    pixels.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

/// Sets the picture and returns its path; `None` if the server was killed.
async fn upload(ada: &Remote, bytes: &[u8]) -> Option<String> {
    let answer = ada.post("/upload-profile-image").file("file", "image/png", bytes).await.ok()?;
    Some(path_of(&answer.assert(201).json()["url"]))
}

async fn bytes_at(ada: &Remote, url: &str) -> Vec<u8> {
    ada.get(url).send().await.unwrap().assert(200).body.to_vec()
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Makes a file look as if it had not been touched for two hours.
fn age(file: &Path) {
    let then = File::open(file).unwrap().metadata().unwrap().modified().unwrap() - Duration::from_hours(2);
    File::options().write(true).open(file).unwrap().set_modified(then).unwrap();
}

on_both_databases! {
    async fn f07_a_picture_is_whole_or_absent_after_kill_9(database: Database) {
        let place = Place::new(database).await;
        let mut server = Server::start(&place).await;
        let mut ada = server.remote().as_user("ada").await;
        let sent = [picture(1), picture(2)];
        let mut kept = Vec::new();
        for bytes in &sent {
            let url = upload(&ada, bytes).await.unwrap();
            kept.push(bytes_at(&ada, &url).await);
        }
        assert_ne!(kept[0], kept[1]);
        for _ in 0..ROUNDS {
            let (uploading, both) = (ada.clone(), sent.clone());
            let work = tokio::spawn(async move {
                let mut acknowledged = 0;
                while upload(&uploading, &both[acknowledged % 2]).await.is_some() {
                    acknowledged += 1;
                }
            });
            // The moment is arbitrary on purpose.
            sleep(Duration::from_millis(20 + 2 * u64::from(random::bytes::<1>()[0]))).await;
            server.kill().await;
            work.await.unwrap();
            server = Server::start(&place).await;
            ada = ada.at(&server);
            let profile = ada.get("/profile").send().await.unwrap().assert(200).json();
            let there = bytes_at(&ada, &path_of(&profile["profile_image_url"])).await;
            assert!(kept.contains(&there), "{} bytes that were never a picture", there.len());
        }

        // The next start after an hour sweeps everything that the crashes left, and no more.
        let folder = place.data_dir().join("objects/profile-images");
        leave(&folder);
        for file in files(&folder) {
            age(&file);
        }
        let young = folder.join("01936f3e-0000-7000-8000-000000000003");
        fs::write(&young, "an upload that is about to be named").unwrap();
        server.stop().await;
        server = Server::start(&place).await;
        let ada = ada.at(&server);
        let profile = ada.get("/profile").send().await.unwrap().assert(200).json();
        let url = path_of(&profile["profile_image_url"]);
        let named = folder.join(url.rsplit('/').next().unwrap());
        let expected = BTreeSet::from([named, young]);
        eventually("only what is named, or young, is left", Duration::from_secs(5), async || {
            (files(&folder) == expected).then_some(())
        })
        .await;
        assert!(kept.contains(&bytes_at(&ada, &url).await));
    }
}

/// What a crash can leave behind, in case none of them did: a complete file without a row, and a partial one.
fn leave(folder: &Path) {
    for name in ["01936f3e-0000-7000-8000-000000000001", "01936f3e-0000-7000-8000-000000000002#1"] {
        fs::write(folder.join(name), "orphan").unwrap();
    }
}
