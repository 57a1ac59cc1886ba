//! A table in Markdown.

/// One measurement beside its peer's.
#[derive(Debug)]
pub struct Row {
    /// What is measured.
    pub what: &'static str,
    /// Ours, with its unit.
    pub ours: String,
    /// Who is compared with.
    pub peer: &'static str,
    /// Theirs, with its unit; or why there is none.
    pub theirs: String,
    /// How many times better ours is: above 1, ours wins.
    pub ratio: Option<f64>,
    /// What is asked for.
    pub goal: &'static str,
}

/// Prints `rows` with the machine they were measured on.
pub fn print(rows: &[Row]) {
    println!("\nMeasured on {}.\n", machine());
    println!("| what | ours | peer | theirs | ours is better by | goal |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let ratio = row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        println!(
            "| {} | {} | {} | {} | {ratio} | {} |",
            row.what, row.ours, row.peer, row.theirs, row.goal
        );
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let described = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = described
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!("{cores} x {}", model.map_or(std::env::consts::ARCH, |(_, model)| model))
}
