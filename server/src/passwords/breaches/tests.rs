//! From a list to a file to a lookup.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};

use aws_lc_rs::digest;
use proptest::prelude::*;
use tempfile::TempDir;

use super::import::{ImportError, Imported};
use super::*;
use crate::clock::Timestamp;
use crate::random;

type Hash = [u8; 20];

const MADE_AT: Timestamp = Timestamp::from_secs(1_790_000_000);

fn hash_of(password: &str) -> Hash {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()).as_ref().try_into().unwrap()
}

fn line(hash: &Hash, count: u64, end: &str) -> String {
    format!("{}:{count}{end}", line::hex(hash))
}

fn list<'a>(hashes: impl IntoIterator<Item = &'a Hash>) -> String {
    hashes.into_iter().map(|hash| line(hash, 3, "\r\n")).collect()
}

fn random_hashes(count: usize) -> BTreeSet<Hash> {
    (0..count).map(|_| random::bytes()).collect()
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(FILE_NAME)
    }

    fn import(&self, list: impl Read, min_count: u64) -> Result<Imported, ImportError> {
        import(BufReader::new(list), &self.path(), min_count, MADE_AT, |_| ())
    }

    fn refused(&self, list: &str) -> String {
        self.import(list.as_bytes(), 1).unwrap_err().to_string()
    }

    fn open(&self) -> Filter {
        Filter::open(&self.path()).unwrap()
    }

    fn unopenable(&self) -> String {
        Filter::open(&self.path()).unwrap_err().to_string()
    }

    fn names(&self) -> Vec<String> {
        fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

#[test]
fn p06_a_listed_password_is_found_and_another_is_not() {
    let place = Place::new();
    let hashes: BTreeSet<Hash> = ["password1", "letmein", "", "contraseña"].map(hash_of).into();
    let imported = place.import(list(&hashes).as_bytes(), 1).unwrap();
    assert_eq!((imported.lines, imported.hashes), (4, 4));
    assert_eq!(imported.bytes, fs::metadata(place.path()).unwrap().len());
    let filter = place.open();
    for (password, listed) in
        [("password1", true), ("letmein", true), ("", true), ("contraseña", true), ("Password1", false)]
    {
        assert_eq!(filter.contains(password).unwrap(), listed, "{password}");
    }
    assert_eq!((filter.hashes(), filter.made_at().to_string().as_str()), (4, "2026-09-21T14:13:20Z"));
    assert_eq!(place.names(), [FILE_NAME]);
}

#[test]
fn rare_ones_and_padding_are_left_out() {
    let place = Place::new();
    let hashes = Vec::from_iter(random_hashes(3));
    let text = line(&hashes[0], 0, "\n") + &line(&hashes[1], 9, "\n") + &line(&hashes[2], 10, "");
    for (min_count, found) in [(1, [false, true, true]), (10, [false, false, true])] {
        place.import(text.as_bytes(), min_count).unwrap();
        let filter = place.open();
        assert_eq!([0, 1, 2].map(|at| filter.contains_hash(&hashes[at]).unwrap()), found, "{min_count}");
    }
    let empty = place.import(text.as_bytes(), 11).unwrap_err().to_string();
    assert!(empty.contains("3 lines") && empty.contains("--min-count"), "{empty}");
}

#[test]
fn a_list_out_of_order_is_refused_with_the_way_to_sort_it() {
    let place = Place::new();
    let hashes = random_hashes(100);
    let refused = place.refused(&list(hashes.iter().rev()));
    assert!(refused.contains("line 2 ") && refused.contains("LC_ALL=C sort"), "{refused}");
    let twice: Vec<&Hash> = hashes.iter().flat_map(|hash| [hash, hash]).collect();
    assert_eq!(place.import(list(twice).as_bytes(), 1).unwrap().hashes, 100, "a hash may come twice");
}

#[test]
fn an_odd_line_is_named_and_leaves_the_older_file() {
    let place = Place::new();
    let hashes = random_hashes(3);
    place.import(list(&hashes).as_bytes(), 1).unwrap();
    let before = fs::read(place.path()).unwrap();
    let good = list(&random_hashes(50));
    for odd in [
        good.get(..good.len() - 7).unwrap(),
        &format!("{good}\r\n"),
        &format!("{good}{}", "F".repeat(1 << 20)),
        &format!("{good}8846F7EAEE8FB117AD06BDD830B7586C:1"),
    ] {
        let refused = place.refused(odd);
        assert!(refused.contains("line 5") && refused.contains("haveibeenpwned-downloader"), "{refused}");
    }
    assert_eq!(fs::read(place.path()).unwrap(), before);
    assert_eq!(place.names(), [FILE_NAME], "no temporary file stays");
}

/// An endless list: each partition would exceed its limit.
struct Endless(u32);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = format!("0000{:08X}{}:1\n", self.0, "0".repeat(28));
        self.0 += 1;
        buffer[..line.len()].copy_from_slice(line.as_bytes());
        Ok(line.len())
    }
}

#[test]
fn a_list_that_crowds_one_partition_ends_at_its_bound() {
    let place = Place::new();
    let refused = place.import(Endless(0), 1).unwrap_err().to_string();
    assert!(refused.contains(&format!("line {}", head::MAX_PARTITION_BYTES + 1)), "{refused}");
    assert!(place.names().is_empty());
}

#[test]
fn a_list_that_fails_to_be_read_says_where() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let place = Place::new();
    let two = list(&random_hashes(2));
    let failed = place.import(two.as_bytes().chain(Broken), 1).unwrap_err().to_string();
    assert!(failed.contains("after line 2: the disk is gone"), "{failed}");
    assert!(place.names().is_empty());
}

#[test]
fn two_imports_do_not_mix_and_what_one_left_behind_does_not_block() {
    let place = Place::new();
    let temporary = place.0.path().join("breaches.filter.new");
    fs::write(&temporary, "left by a crash").unwrap();
    let hashes = list(&random_hashes(2));
    let running = File::open(&temporary).unwrap();
    running.lock().unwrap();
    assert!(place.refused(&hashes).contains("another import"));
    drop(running);
    place.import(hashes.as_bytes(), 1).unwrap();
    assert_eq!(place.names(), [FILE_NAME]);
}

#[test]
fn false_positives_are_as_rare_as_said() {
    let place = Place::new();
    // One full partition, as dense as in a list of 1,000 million.
    let hashes: BTreeSet<Hash> =
        random_hashes(16_384).into_iter().map(|hash| with_prefix(hash, [0x12, 0x34])).collect();
    place.import(list(&hashes).as_bytes(), 1).unwrap();
    let filter = place.open();
    assert!(hashes.iter().step_by(64).all(|hash| filter.contains_hash(hash).unwrap()));
    let wrong = random_hashes(2000)
        .into_iter()
        .filter(|hash| filter.contains_hash(&with_prefix(*hash, [0x12, 0x34])).unwrap())
        .count();
    // 2000 lookups with a false-positive rate of 1 in 262,144: three false positives occur less than once in
    // ten million runs.
    assert!(wrong < 3, "{wrong}");
    let bytes = fs::read(place.path()).unwrap().len() - head::BYTES;
    assert!(bytes < 16_384 * 13 / 4, "{bytes} bytes for 16,384 hashes");
}

fn with_prefix(mut hash: Hash, prefix: [u8; 2]) -> Hash {
    hash[..2].copy_from_slice(&prefix);
    hash
}

#[test]
fn a_damaged_file_is_noticed_at_the_start_or_at_the_look_up() {
    let place = Place::new();
    let hashes = random_hashes(20);
    place.import(list(&hashes).as_bytes(), 1).unwrap();
    let good = fs::read(place.path()).unwrap();
    for at in [12, 20, 30, 36, 40_000, head::BYTES - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(place.path(), bad).unwrap();
        assert!(place.unopenable().contains("is damaged: its head"), "{at}");
    }
    for length in [good.len() - 1, head::BYTES, head::BYTES - 1, 13, 12] {
        fs::write(place.path(), &good[..length]).unwrap();
        assert!(place.unopenable().contains("is damaged"), "{length}");
    }
    for foreign in [b"".as_slice(), &good[..7], b"000000005AD76BD555C1D6D771DE417A4B87E4B4:10\r\n"] {
        fs::write(place.path(), foreign).unwrap();
        assert!(place.unopenable().contains("portcullis breaches import"));
    }
    for at in head::BYTES..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(place.path(), bad).unwrap();
        let filter = place.open();
        assert!(hashes.iter().any(|hash| filter.contains_hash(hash).is_err()), "{at}");
    }
    fs::write(place.path(), &good).unwrap();
    let filter = place.open();
    File::options().write(true).open(place.path()).unwrap().set_len(head::BYTES as u64).unwrap();
    let cut = filter.contains_hash(hashes.first().unwrap()).unwrap_err().to_string();
    assert!(cut.contains("shorter than it was"), "{cut}");
}

#[test]
fn a_head_may_be_hostile_and_have_a_right_checksum() {
    let partitions = |length| {
        let extent = head::Extent { offset: 0, length, checksum: 0 };
        let head = head::Head {
            hashes: 1,
            made_at: MADE_AT,
            min_count: 1,
            partitions: vec![extent; partition::COUNT],
        };
        head.encode()
    };
    let place = Place::new();
    for length in [1, head::MAX_PARTITION_BYTES, head::MAX_PARTITION_BYTES + 1, u32::MAX] {
        fs::write(place.path(), partitions(length)).unwrap();
        assert!(place.unopenable().contains("is damaged"), "{length}");
    }
    fs::write(place.path(), partitions(0)).unwrap();
    assert!(!place.open().contains("anything").unwrap());
}

#[test]
fn a_named_file_must_be_there_and_the_default_one_need_not() {
    let place = Place::new();
    assert!(check(None, None, &place.path()).unwrap().is_none());
    let missing = check(None, Some(&place.path()), &place.path()).unwrap_err().to_string();
    assert!(missing.contains("portcullis breaches import") && missing.contains("breaches_file"), "{missing}");
    check(None, Some(place.0.path()), &place.path()).unwrap_err();
    fs::write(place.path(), "damaged").unwrap();
    check(None, None, &place.path()).unwrap_err();
}

#[test]
fn an_applications_own_check_is_asked_too() {
    let place = Place::new();
    place.import(list(&[hash_of("listed")]).as_bytes(), 1).unwrap();
    let own = BreachCheck::new(|password| match password {
        "own" => Ok(true),
        "listed" => Err("out of reach".into()),
        _ => Ok(false),
    });
    let both = check(Some(own), None, &place.path()).unwrap().unwrap();
    for (password, breached) in [("own", true), ("listed", true), ("neither", false)] {
        assert_eq!(both.is_breached(password), breached, "{password}");
    }
}

#[test]
fn p06_a_file_that_is_damaged_later_lets_passwords_pass() {
    let place = Place::new();
    place.import(list(&[hash_of("listed")]).as_bytes(), 1).unwrap();
    let check = check(None, None, &place.path()).unwrap().unwrap();
    assert!(check.is_breached("listed"));
    File::options().write(true).open(place.path()).unwrap().set_len(9).unwrap();
    assert!(!check.is_breached("listed"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_file_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let place = Place::new();
        fs::write(place.path(), bytes).unwrap();
        place.unopenable();
    }

    #[test]
    fn any_list_is_imported_or_refused(text in "([0-9A-F]{40}:[0-9]{1,3}\\r?\\n|.{0,50}\\n){0,4}") {
        let place = Place::new();
        let imported = place.import(text.as_bytes(), 1);
        prop_assert_eq!(imported.is_ok(), place.path().exists());
    }

    #[test]
    fn partitions_of_any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..500), hash: Hash) {
        let mut partitions = Vec::new();
        let (number, _) = partition::place(&hash);
        for at in 0..partition::COUNT {
            let mine = at == usize::from(number);
            let length = if mine { u32::try_from(bytes.len()).unwrap() } else { 0 };
            partitions.push(head::Extent { offset: 0, length, checksum: crc32fast::hash(if mine { &bytes } else { &[] }) });
        }
        let head = head::Head { hashes: 1, made_at: MADE_AT, min_count: 1, partitions };
        let place = Place::new();
        fs::write(place.path(), [head.encode(), bytes].concat()).unwrap();
        let _ = place.open().contains_hash(&hash);
    }
}
