//! Passwords as argon2id hashes, computed by a bounded number of threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::Semaphore;

use crate::error::{AccessError, Answer};
use crate::secret::{random, same};

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl PasswordCost {
    /// 19 MiB, 2 passes, 1 lane: OWASP Password Storage Cheat Sheet (2025), argon2id's first recommendation that spares memory;
    /// above the floor of RFC 9106's second choice for its time on one core.
    pub const OWASP: PasswordCost = PasswordCost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
}

/// Hashes at work and waiting beyond which a caller is told to come back: a flood of sign-ins must cost no more memory
/// than `at once × 19 MiB`, nor make everybody wait for minutes.
const WAITING_MAX: usize = 256;

/// Computes hashes on blocking threads, so many at once and no more.
pub struct Passwords {
    cost: PasswordCost,
    at_once: Semaphore,
    waiting: AtomicUsize,
    runs: AtomicU64,
    /// The hash of nobody's password: what is compared with where there is no account.
    nobody: Arc<str>,
}

impl Passwords {
    /// Computes at most `at_once` hashes at a time.
    ///
    /// # Errors
    /// No hash can be computed at this cost, or there is no randomness.
    pub fn new(cost: PasswordCost, at_once: usize) -> Result<Passwords, AccessError> {
        params(cost)?;
        // Random, not computed: a start would wait for it, and keep its memory.
        let nobody = written(cost, &random()?, &random()?).into();
        let at_once = Semaphore::new(at_once.max(1));
        Ok(Passwords { cost, at_once, waiting: AtomicUsize::new(0), runs: AtomicU64::new(0), nobody })
    }

    /// The hash of `password` in PHC form.
    pub fn hash<'a>(&'a self, password: &'a str) -> Answer<'a, String> {
        Box::pin(async move {
            let (cost, password) = (self.cost, password.to_owned());
            self.run(move || hash(cost, password.as_bytes())).await?
        })
    }

    /// True when `password` is the one behind `stored`. Without `stored` it is false after the same work, so that time does not
    /// tell whether an account is there (OWASP ASVS 5, V6.3.8).
    pub fn verify<'a>(&'a self, password: &'a str, stored: Option<&'a str>) -> Answer<'a, bool> {
        Box::pin(async move {
            let known = stored.is_some();
            let stored: Arc<str> = stored.map_or_else(|| self.nobody.clone(), Arc::from);
            let password = password.to_owned();
            let matched = self.run(move || verify(password.as_bytes(), &stored)).await??;
            Ok(matched && known)
        })
    }

    /// True when `stored` was made at another cost than today's, so that the next sign-in should make it anew.
    pub fn is_dated(&self, stored: &str) -> bool {
        read(stored).is_none_or(|(cost, _, _)| cost != self.cost)
    }

    /// How many hashes were computed since the start.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AccessError> {
        let _waiting = Waiting::enter(&self.waiting).ok_or(AccessError::Busy)?;
        let _permit = self.at_once.acquire().await.map_err(|_| AccessError::Busy)?;
        self.runs.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(work).await.map_err(|_| AccessError::Busy)
    }
}

/// Counts one caller while it lives, also when the caller gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Option<Waiting<'a>> {
        let entered = Waiting(count);
        (count.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(entered)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

fn params(cost: PasswordCost) -> Result<Params, AccessError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES));
    params.map_err(|_| AccessError::Damaged("the cost of a password's hash"))
}

fn derive(cost: PasswordCost, password: &[u8], salt: &[u8]) -> Result<[u8; HASH_BYTES], AccessError> {
    let mut output = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params(cost)?)
        .hash_password_into(password, salt, &mut output)
        .map_err(|_| AccessError::Damaged("a password's hash"))?;
    Ok(output)
}

fn hash(cost: PasswordCost, password: &[u8]) -> Result<String, AccessError> {
    let salt = random()?;
    Ok(written(cost, &salt, &derive(cost, password, &salt)?))
}

/// In PHC form.
fn written(cost: PasswordCost, salt: &[u8; SALT_BYTES], hash: &[u8; HASH_BYTES]) -> String {
    let PasswordCost { memory_kib, passes, lanes } = cost;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
}

fn verify(password: &[u8], stored: &str) -> Result<bool, AccessError> {
    let (cost, salt, expected) = read(stored).ok_or(AccessError::Damaged("a password's hash"))?;
    Ok(same(&derive(cost, password, &salt)?, &expected))
}

/// The parts of a hash in PHC form.
fn read(stored: &str) -> Option<(PasswordCost, Vec<u8>, Vec<u8>)> {
    let mut parts = stored.strip_prefix("$argon2id$v=19$")?.split('$');
    let (cost, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut numbers = cost.split(',').zip(["m=", "t=", "p="]).map(|(text, name)| text.strip_prefix(name)?.parse().ok());
    let mut number = || numbers.next().flatten();
    let cost = PasswordCost { memory_kib: number()?, passes: number()?, lanes: number()? };
    Some((cost, STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(hash).ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 64, passes: 1, lanes: 1 };

    #[tokio::test]
    async fn knows_the_password_it_hashed() {
        let passwords = Passwords::new(CHEAP, 2).expect("a pool");
        let stored = passwords.hash("correct horse").await.expect("hashed");
        assert!(passwords.verify("correct horse", Some(&stored)).await.expect("compared"));
        assert!(!passwords.verify("correct horsf", Some(&stored)).await.expect("compared"));
        assert!(!passwords.verify("correct horse", None).await.expect("compared"), "nobody's");
        assert_eq!(
            read(&passwords.nobody).map(|(cost, salt, hash)| (cost, salt.len(), hash.len())),
            Some((CHEAP, 16, 32))
        );
        assert_eq!(passwords.runs(), 4, "an unknown account costs what a known one does");
        assert_ne!(stored, passwords.hash("correct horse").await.expect("hashed"), "salted");
        assert!(!passwords.is_dated(&stored));
        assert!(Passwords::new(PasswordCost { lanes: 0, ..CHEAP }, 1).is_err());
        assert!(Passwords::new(PasswordCost { passes: 2, ..CHEAP }, 1).expect("a pool").is_dated(&stored));
    }

    /// argon2-cffi 25.1 (the reference C code): `hash_secret(b"password", b"somesaltsomesalt", 2, 19456, 1, 32, Type.ID)`.
    #[test]
    fn agrees_with_the_reference_code() {
        let stored =
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE";
        assert!(verify(b"password", stored).expect("read"));
        assert_eq!(read(stored).expect("read").0, PasswordCost::OWASP);
    }

    #[tokio::test]
    async fn a_flood_is_told_to_come_back() {
        let passwords = Arc::new(Passwords::new(CHEAP, 1).expect("a pool"));
        let one = |_| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.verify("x", None).await })
        };
        let tasks: Vec<_> = (0..WAITING_MAX + 50).map(one).collect();
        let mut busy = 0;
        for task in tasks {
            busy += usize::from(matches!(task.await.expect("no panic"), Err(AccessError::Busy)));
        }
        assert!(busy >= 1, "more than {WAITING_MAX} were taken in");
        assert!(passwords.verify("x", None).await.is_ok(), "and afterwards all is well");
    }
}
