//! What a process has used, as Linux tells it. Elsewhere all of it reads as nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What one process has used up to a moment.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Name of the process.
    pub name: String,
    /// Resident memory, KiB.
    pub rss_kib: u64,
    /// Bytes that it caused to be written to storage.
    pub written: u64,
    /// Nanoseconds on a processor, by thread name; `runtime` is the main thread.
    pub cpu: BTreeMap<String, u64>,
}

impl Usage {
    /// What this process has used so far.
    pub fn of(name: String, pid: u32) -> Usage {
        let folder = format!("/proc/{pid}");
        let folder = Path::new(&folder);
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let io = fs::read_to_string(folder.join("io")).unwrap_or_default();
        let mut cpu = BTreeMap::new();
        let tasks = fs::read_dir(folder.join("task")).into_iter().flatten().flatten();
        for task in tasks {
            let text = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
            let first: Option<u64> = text("schedstat").split(' ').next().and_then(|ns| ns.parse().ok());
            let main = task.file_name().to_str() == Some(&pid.to_string());
            let thread = if main { "runtime".to_owned() } else { text("comm").trim().to_owned() };
            *cpu.entry(thread).or_default() += first.unwrap_or(0);
        }
        let number = |text: &str, key| {
            let line = text.lines().find_map(|line: &str| line.strip_prefix(key));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        Usage { name, rss_kib: number(&status, "VmRSS:"), written: number(&io, "write_bytes:"), cpu }
    }

    /// What was used since `before`. Threads that have ended in between do not count.
    pub fn since(&self, before: &Usage) -> Usage {
        let used = |(thread, ns): (&String, &u64)| {
            let earlier = before.cpu.get(thread).copied().unwrap_or(0);
            (thread.clone(), ns.saturating_sub(earlier))
        };
        Usage {
            cpu: self.cpu.iter().map(used).collect(),
            written: self.written.saturating_sub(before.written),
            ..self.clone()
        }
    }

    /// Nanoseconds of all threads.
    pub fn cpu_total(&self) -> u64 {
        self.cpu.values().sum()
    }
}

/// The kind of file system that a folder is on; "unknown" where Linux does not tell.
pub fn file_system(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    // Of two mounts on one point the later counts.
    let holding = fields.filter(|(point, _)| folder.starts_with(point));
    holding.max_by_key(|(point, _)| point.len()).map_or("unknown", |(_, kind)| kind).to_owned()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_has_run() {
        let before = Usage::of("test".to_owned(), std::process::id());
        assert!(before.rss_kib > 1000 && before.cpu.contains_key("runtime"));
        let after = Usage::of("test".to_owned(), std::process::id()).since(&before);
        assert!(after.cpu_total() < 60_000_000_000, "only what was used in between");
    }
}
