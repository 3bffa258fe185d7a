//! What the library logs for its operator.

use std::{cell::RefCell, fmt, sync::Once};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

thread_local! {
    /// `None` if nobody listens.
    static SAID: RefCell<Option<Vec<(Level, String)>>> = const { RefCell::new(None) };
}

/// What the library logs on the test's own thread.
///
/// One global subscriber: with one per thread, a callsite that another thread reaches first stays disabled for good.
pub(super) struct Log;

impl Log {
    /// Starts to listen.
    pub(super) fn here() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            tracing::subscriber::set_global_default(Threads).unwrap();
            tracing::callsite::rebuild_interest_cache();
        });
        SAID.set(Some(Vec::new()));
        Self
    }

    /// The lines of this level since the last call, without their message.
    #[expect(clippy::unused_self, reason = "who asks has begun to listen")]
    pub(super) fn taken(&self, level: Level) -> Vec<String> {
        let said = SAID.replace(Some(Vec::new())).unwrap();
        said.into_iter().filter(|(of, _)| *of == level).map(|(_, fields)| fields).collect()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        SAID.take();
    }
}

struct Threads;

impl Subscriber for Threads {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        of.target().starts_with("portcullis")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        SAID.with_borrow_mut(|said| {
            let Some(said) = said else { return };
            let mut fields = Fields(String::new());
            event.record(&mut fields);
            said.push((*event.metadata().level(), fields.0));
        });
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            self.0 = format!("{}{field}={value:?}", self.0);
        }
    }
}
