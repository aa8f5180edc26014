//! `footfall`: see `footfall --help`.

use std::process::ExitCode;

/// Gives memory back to the system soon, and keeps threads from waiting for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    footfall::run(std::env::args_os())
}
