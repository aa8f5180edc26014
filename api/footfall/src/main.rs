//! `footfall`: see `footfall --help`.

use std::process::ExitCode;

use footfall_pipelines_insights::Counted;

/// Gives memory back to the system soon, and keeps threads from waiting for each other; what questions take is counted.
#[global_allocator]
static ALLOCATOR: Counted<mimalloc::MiMalloc> = Counted(mimalloc::MiMalloc);

fn main() -> ExitCode {
    footfall::run(std::env::args_os())
}
