//! Memory of one question: a fair share inside it, and a limit over all of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    FairSpillPool, GreedyMemoryPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// Operators that can spill get even shares of half of what the question may have. The rest is left to those
/// that cannot: they would fail where a sort has taken everything. All questions together stay below `all`.
#[derive(Debug)]
pub(super) struct QuestionPool {
    spillable: FairSpillPool,
    unspillable: AtomicUsize,
    bytes_max: usize,
    all: Arc<GreedyMemoryPool>,
}

impl QuestionPool {
    pub fn new(bytes_max: usize, all: Arc<GreedyMemoryPool>) -> Self {
        let spillable = FairSpillPool::new(bytes_max / 2);
        QuestionPool { spillable, unspillable: AtomicUsize::new(0), bytes_max, all }
    }

    /// Takes from the question's own share.
    fn try_grow_own(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if reservation.consumer().can_spill() {
            self.spillable.try_grow(reservation, additional)?;
        } else {
            self.unspillable.fetch_add(additional, Ordering::Relaxed);
        }
        if self.reserved() <= self.bytes_max {
            return Ok(());
        }
        self.shrink_own(reservation, additional);
        let name = reservation.consumer().name();
        Err(DataFusionError::ResourcesExhausted(format!("{name}: {additional} bytes more than the question may have")))
    }

    fn shrink_own(&self, reservation: &MemoryReservation, bytes: usize) {
        if reservation.consumer().can_spill() {
            self.spillable.shrink(reservation, bytes);
        } else {
            self.unspillable.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl fmt::Display for QuestionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("question")
    }
}

impl MemoryPool for QuestionPool {
    fn name(&self) -> &str {
        "question"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.spillable.register(consumer);
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.spillable.unregister(consumer);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        if reservation.consumer().can_spill() {
            self.spillable.grow(reservation, additional);
        } else {
            self.unspillable.fetch_add(additional, Ordering::Relaxed);
        }
        self.all.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.shrink_own(reservation, shrink);
        self.all.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.try_grow_own(reservation, additional)?;
        self.all.try_grow(reservation, additional).inspect_err(|_| self.shrink_own(reservation, additional))
    }

    fn reserved(&self) -> usize {
        self.spillable.reserved() + self.unspillable.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes_max)
    }
}
