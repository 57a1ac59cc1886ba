//! What workerd used of the processor, as Linux counts it.

use std::fs;
use std::time::Duration;

/// Linux counts CPU time in hundredths of a second, whatever its own clock's rate (`man 5 proc`, `sysconf`).
const TICK: Duration = Duration::from_millis(10);

/// CPU time of every workerd below the process `ancestor`.
pub fn cpu_time(ancestor: u32) -> Duration {
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
    below.map(|process| TICK * process.ticks).sum()
}

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
