//! Names a process so that another one can tell, later, whether it still runs.

use std::fmt;
use std::fs;

/// A process of this machine: its id and when it started, because ids are used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    id: u32,
    start: String,
}

impl Process {
    /// This process.
    pub fn current() -> Self {
        let id = std::process::id();
        Process { id, start: start_of(id).unwrap_or_default() }
    }

    /// Whether the process that [`Process::to_string`] named still runs. Names of another form count as ended.
    pub fn is_alive(name: &str) -> bool {
        let Some((id, start)) = name.strip_prefix("process-").and_then(|rest| rest.split_once('-')) else {
            return false;
        };
        id.parse().ok().and_then(start_of).is_some_and(|running| running == start)
    }

    /// Seconds that this process has used the CPU, over all its threads, ended ones included.
    pub fn cpu_seconds() -> f64 {
        // Fields 14 and 15 of /proc/self/stat, in clock ticks of 1/100 s (proc(5); USER_HZ is 100 on Linux).
        let ticks = stat_fields("self").map(|fields| {
            let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
            ticks(11) + ticks(12)
        });
        ticks.unwrap_or(0.0) / 100.0
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process-{}-{}", self.id, self.start)
    }
}

/// Clock ticks since boot at which the process started: field 22 of /proc/[pid]/stat. A zombie has ended.
fn start_of(id: u32) -> Option<String> {
    let fields = stat_fields(&id.to_string())?;
    if fields.first().is_some_and(|state| state == "Z") {
        return None;
    }
    fields.get(19).cloned()
}

/// The fields of /proc/[pid]/stat from the third on: the second, the name in brackets, may hold spaces.
fn stat_fields(process: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_until_it_ends() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let name = Process { id: child.id(), start: start_of(child.id()).unwrap() }.to_string();
        assert!(Process::is_alive(&name));
        assert!(Process::is_alive(&Process::current().to_string()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!Process::is_alive(&name));
        assert!(!Process::is_alive("arn:aws:states:::execution:x"));
    }
}
