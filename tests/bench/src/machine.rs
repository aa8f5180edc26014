//! What the numbers were measured on.

use std::fs;
use std::path::Path;

use crate::error::BenchError;
use crate::options::Options;
use crate::report::Report;

pub fn describe(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    fs::create_dir_all(&options.scratch)?;
    let size = fs::metadata(options.binary()).map(|file| file.len());
    let size =
        size.map_err(|source| BenchError::Program { program: options.binary().display().to_string(), source })?;
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = value_of(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let memory: f64 = value_of(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split_whitespace().next().and_then(|kib| kib.parse().ok()))
        .unwrap_or(0.0);
    let load = read("/proc/loadavg");
    report.note(&format!(
        "{processor}, {cores} cores, {:.0} GiB, Linux {kernel}, data on {}; load average at the start {}. The load \
         generator runs on the same cores (one thread). The program is {}, {:.0} MB.",
        memory / 1048576.0,
        file_system(&options.scratch).unwrap_or_else(|| "an unknown file system".to_owned()),
        load.split_whitespace().take(3).collect::<Vec<_>>().join(" "),
        options.binary().display(),
        size as f64 / 1e6
    ));
    Ok(())
}

fn value_of(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The kind of the file system below a folder: that of the longest mount point that leads to it.
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    let own = fields.filter(|(_, point, _)| folder.starts_with(point)).max_by_key(|(_, point, _)| point.len())?;
    Some(format!("{} ({})", own.2, own.0))
}
