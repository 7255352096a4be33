//! Basic auth with bcrypt hashes, as exporter-toolkit has it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A hash of nothing that is a password, so that unknown users take as long as known ones.
const NOBODY: &str = "$2b$10$Nh5LSS/SYVRz0fpvLcfUTe1g0N24/Rqb7ao.d9FOa1PLfP7cN5NhO";

/// So many clients wait for the processor that hashes; more are told to come back.
const WAITING: usize = 8;

/// What is said to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may ask.
    Granted,
    /// No user, or not the user's password.
    Refused,
    /// Too many passwords are being looked at.
    Later,
}

/// Users and the bcrypt hashes of their passwords.
#[derive(Default)]
pub(super) struct Users {
    hashes: BTreeMap<String, String>,
    /// Digests of headers that were right: a hash takes long on purpose, and scrapes come every few seconds. As many as
    /// there are passwords at most.
    right: Mutex<Vec<[u8; 32]>>,
    /// Held while a hash is computed: at most one processor does that.
    one: Mutex<()>,
    /// How many hold it or wait for it.
    waiting: AtomicUsize,
}

impl Users {
    /// Users by name.
    ///
    /// # Errors
    /// The user whose hash is none of bcrypt.
    pub fn new(hashes: BTreeMap<String, String>) -> Result<Self, String> {
        match hashes.iter().find(|(_, hash)| hash.parse::<bcrypt::HashParts>().is_err()) {
            Some((user, _)) => Err(user.clone()),
            None => Ok(Self { hashes, ..Self::default() }),
        }
    }

    /// Nobody is asked for a password.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether the value of the header `Authorization` lets a client in. For one that `is_gone` when its turn comes nothing
    /// is computed.
    pub fn admit(&self, header: Option<&[u8]>, is_gone: impl Fn() -> bool) -> Admission {
        if self.is_empty() {
            return Admission::Granted;
        }
        let Some((user, password)) = header.and_then(credentials) else { return Admission::Refused };
        let digest: [u8; 32] = Sha256::digest(format!("{}:{user}{password}", user.len())).into();
        if self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest) {
            return Admission::Granted;
        }
        let Some(_place) = Place::take(&self.waiting) else { return Admission::Later };
        let _one = self.one.lock().unwrap_or_else(PoisonError::into_inner);
        if is_gone() {
            return Admission::Later;
        }
        let known = self.hashes.get(&user);
        let right = bcrypt::verify(&password, known.map_or(NOBODY, String::as_str)).unwrap_or(false);
        if !right || known.is_none() {
            return Admission::Refused;
        }
        let mut digests = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if !digests.contains(&digest) {
            digests.push(digest);
        }
        Admission::Granted
    }
}

/// A place among those that wait; given back when this is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let take_one = |taken| (taken < WAITING).then_some(taken + 1);
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one).ok()?;
        Some(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `Basic dXNlcjpwYXNz` as `user` and `pass`.
fn credentials(header: &[u8]) -> Option<(String, String)> {
    let (scheme, rest) = header.split_at_checked(6)?;
    let decoded = scheme.eq_ignore_ascii_case(b"basic ").then(|| BASE64_STANDARD.decode(rest.trim_ascii()).ok())??;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.into(), password.into()))
}

/// The names alone.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.hashes.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_of_a_known_user_is_admitted() {
        let hash = bcrypt::hash("s:cret", 4).unwrap();
        let users = Users::new(BTreeMap::from([("alice".into(), hash.clone())])).unwrap();
        let admit = |header: Option<&[u8]>| users.admit(header, || false) == Admission::Granted;
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let with = |text: &str| admit(Some(basic(text).as_bytes()));
        assert!(with("alice:s:cret") && with("alice:s:cret"), "the second time from memory");
        assert!(!with("alice:s") && !with("bob:s:cret") && !with("alice") && !with(""));
        assert_eq!(users.right.lock().unwrap().len(), 1);
        for header in
            [None, Some(&b"Basic"[..]), Some(b"Basic !"), Some(b"Bearer x"), Some(b"\xff\xfe\xfd\xfc\xfb\xfa\xf9")]
        {
            assert!(!admit(header), "{header:?}");
        }
        assert_eq!(format!("{users:?}"), "{\"alice\"}");
        let wrong = BTreeMap::from([("eve".into(), "secret".into())]);
        assert_eq!(Users::new(wrong).unwrap_err(), "eve");
        assert_eq!(Users::default().admit(None, || true), Admission::Granted);
        assert_eq!(users.admit(Some(basic("alice:x").as_bytes()), || true), Admission::Later, "gone meanwhile");
        NOBODY.parse::<bcrypt::HashParts>().unwrap();
    }

    #[test]
    fn only_a_few_wait_while_a_password_is_looked_at() {
        let users = Users::new(BTreeMap::from([("alice".into(), bcrypt::hash("secret", 4).unwrap())])).unwrap();
        let header = format!("Basic {}", BASE64_STANDARD.encode("alice:wrong"));
        let ask = || users.admit(Some(header.as_bytes()), || false);
        let first = users.one.lock().unwrap();
        std::thread::scope(|scope| {
            let asking: Vec<_> = (0..3 * WAITING).map(|_| scope.spawn(ask)).collect();
            while asking.iter().filter(|client| client.is_finished()).count() < 2 * WAITING {
                std::thread::yield_now();
            }
            drop(first);
            let said: Vec<_> = asking.into_iter().map(|client| client.join().unwrap()).collect();
            let count = |admission| said.iter().filter(|said| **said == admission).count();
            assert_eq!([count(Admission::Later), count(Admission::Refused)], [2 * WAITING, WAITING]);
        });
        assert_eq!(ask(), Admission::Refused, "the places are free again");
    }
}
