//! The page of a metrics endpoint.

use super::families::Families;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Of the page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page this young is given to whoever asks; many clients cost no more than one.
const FRESH: Duration = Duration::from_millis(250);

/// Something with metrics. It answers from memory, without waiting for a device, a disk or a training.
pub trait Source: Send + Sync {
    /// Adds the values of this moment.
    fn collect(&self, families: &mut Families);
}

/// The metrics of several sources as a page.
pub struct Exposition {
    sources: Vec<Arc<dyn Source>>,
    page: Mutex<Option<(Instant, Arc<[u8]>)>>,
}

impl Exposition {
    /// A page of `sources`, whose metrics have different names.
    pub fn new(sources: Vec<Arc<dyn Source>>) -> Self {
        Self { sources, page: Mutex::default() }
    }

    /// The values of this moment.
    pub fn families(&self) -> Families {
        let mut families = Families::default();
        self.sources.iter().for_each(|source| source.collect(&mut families));
        families
    }

    /// The page, at most a quarter of a second old.
    pub fn page(&self) -> Arc<[u8]> {
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, text)) = page.as_ref().filter(|(made, _)| made.elapsed() < FRESH) {
            let _ = made;
            return text.clone();
        }
        let text: Arc<[u8]> = self.families().text().into_bytes().into();
        *page = Some((Instant::now(), text.clone()));
        text
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exposition of {} sources", self.sources.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Counting(AtomicU64);

    impl Source for Counting {
        fn collect(&self, families: &mut Families) {
            families.counter("asked_total", "How often", &[], self.0.fetch_add(1, Ordering::Relaxed) as f64);
        }
    }

    #[test]
    fn many_clients_get_one_page_and_later_ones_a_new_one() {
        let counting = Arc::new(Counting(AtomicU64::new(0)));
        let exposition = Exposition::new(vec![counting.clone()]);
        let first = exposition.page();
        assert!((0..1000).all(|_| exposition.page() == first));
        assert_eq!(counting.0.load(Ordering::Relaxed), 1);
        std::thread::sleep(FRESH);
        assert_ne!(exposition.page(), first);
    }
}
