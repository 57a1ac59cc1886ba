//! The program as a user runs it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// What a command line does in `folder`; words are parted by single spaces.
pub fn parallax(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
    command.current_dir(folder).args(line.split(' ')).output().unwrap()
}

/// The JSON that a command printed.
pub fn success(folder: &Path, line: &str) -> Value {
    serde_json::from_slice(&printed(folder, line)).unwrap()
}

/// What a command printed.
pub fn printed(folder: &Path, line: &str) -> Vec<u8> {
    let output = parallax(folder, line);
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The one error line of a command that ends with code 1.
pub fn failure(folder: &Path, line: &str) -> String {
    error(folder, line, 1)
}

/// The one error line of a command that asks for what makes no sense: it ends with code 2.
pub fn misuse(folder: &Path, line: &str) -> String {
    error(folder, line, 2)
}

fn error(folder: &Path, line: &str, code: i32) -> String {
    let output = parallax(folder, line);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}: {text}");
    let errors: Vec<_> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{text}");
    errors[0].to_owned()
}

/// What is in `folder`, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
