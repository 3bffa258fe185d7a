//! An API key as a customer presents it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::credential::ApiKeySecret;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(key) = ApiKeySecret::parse(text) else { return };
    // `text` returns exactly the parsed text.
    assert_eq!(key.text(), text);
    assert_eq!(
        text.strip_prefix(key.prefix())
            .and_then(|rest| rest.strip_prefix('_'))
            .map(|rest| rest.starts_with(key.id())),
        Some(true)
    );
    assert!(key.id().len() == 12 && key.stored().id == key.id() && key.stored().matches(&key));
});
