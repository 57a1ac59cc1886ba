//! What workerd used of processor and memory, as Linux counts it.

use std::fs;
use std::time::Duration;

/// Linux counts CPU time in hundredths of a second, whatever its own clock's rate (`man 5 proc`, `sysconf`).
const TICK: Duration = Duration::from_millis(10);

/// CPU time of every workerd below the process `ancestor`.
pub fn cpu_time(ancestor: u32) -> Duration {
    let below = workerds(ancestor).into_iter();
    below.map(|process| TICK * process.ticks).sum()
}

/// The most memory that a workerd below the process `ancestor` has had resident, kB.
pub fn most_memory(ancestor: u32) -> u64 {
    let of = |process: Process| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    workerds(ancestor)
        .into_iter()
        .filter_map(of)
        .max()
        .expect("a workerd runs")
}

fn workerds(ancestor: u32) -> Vec<Process> {
    let processes: Vec<Process> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| Process::read(&fs::read_to_string(entry.ok()?.path().join("stat")).ok()?))
        .collect();
    let is_below = |mut pid: u32| {
        while pid != ancestor {
            match processes.iter().find(|process| process.pid == pid) {
                Some(process) if process.parent > 1 => pid = process.parent,
                _ => return false,
            }
        }
        true
    };
    let below = processes
        .iter()
        .filter(|process| process.name == "workerd" && is_below(process.pid));
    below.cloned().collect()
}

#[derive(Clone)]
struct Process {
    pid: u32,
    name: String,
    parent: u32,
    ticks: u32,
}

impl Process {
    /// Reads `/proc/PID/stat`: `pid (name) state ppid ... utime stime`, fields 14 and 15.
    fn read(stat: &str) -> Option<Self> {
        let (pid, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |position: usize| fields.get(position - 3)?.parse::<u32>().ok();
        Some(Self {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            parent: number(4)?,
            ticks: number(14)? + number(15)?,
        })
    }
}
