//! What a process uses, read in /proc.

use std::time::Duration;

/// Processor time of a process so far, all its threads, user and system.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets may hold anything; the fields that count begin behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Processor time of the whole machine so far that was not idle.
pub fn busy() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, irq and softirq; idle, iowait and what other machines took are not ours.
    let ours = [0, 1, 2, 5, 6].iter().filter_map(|place| ticks.get(*place)).sum::<u64>();
    Duration::from_millis(ours * 10)
}

/// Memory of a process in MB (10^6 bytes): now, and the most it ever was.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    pub now_mb: f64,
    pub peak_mb: f64,
    /// The part of `now_mb` that is not pages of files.
    pub anonymous_mb: f64,
}

pub fn memory(pid: u32) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let mb = |name: &str| field(name) * 1024.0 / 1e6;
    Memory { now_mb: mb("VmRSS:"), peak_mb: mb("VmHWM:"), anonymous_mb: mb("RssAnon:") }
}
