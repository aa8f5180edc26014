//! What questions take of memory: counted where it is allocated, so that no operator has to say what it keeps.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

thread_local! {
    /// What this thread has allocated, less what it has freed.
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// An allocator that counts for [`held`]. A program whose global allocator is another has questions without bounds.
#[derive(Debug)]
pub struct Counted<A>(pub A);

#[expect(unsafe_code, reason = "an allocator is unsafe by its signature; every call goes on as it came")]
// SAFETY: what the inner allocator promises holds, as its answers are given back unchanged.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counted<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        add(-(layout.size() as i64));
        // SAFETY: as the caller promises.
        unsafe { self.0.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size as i64 - layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { self.0.realloc(place, layout, size) }
    }
}

fn add(bytes: i64) {
    // A thread that ends frees after its own values are gone: nobody asks then.
    let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(bytes)));
}

/// What this thread has allocated, less what it has freed, which another may have allocated.
pub(crate) fn held() -> i64 {
    HELD.try_with(Cell::get).unwrap_or(0)
}

/// What this thread has allocated is another's: it stays when the question is over.
pub(crate) fn let_go(bytes: i64) {
    add(-bytes);
}

/// Memory for all questions together.
#[derive(Debug)]
pub struct MemoryPool {
    bytes: AtomicI64,
    bytes_max: i64,
}

impl MemoryPool {
    pub fn new(bytes_max: usize) -> MemoryPool {
        MemoryPool { bytes: AtomicI64::new(0), bytes_max: i64::try_from(bytes_max).unwrap_or(i64::MAX) }
    }

    /// Bytes that are taken just now.
    pub fn bytes(&self) -> i64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether there is room for them. They are taken in any case.
    pub(crate) fn take(&self, bytes: i64) -> bool {
        self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.bytes_max
    }

    pub(crate) fn give_back(&self, bytes: i64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
