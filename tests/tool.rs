//! The program `rankwise` on its command line. (That this test is the package's own has cargo build the program, which others start.)

use std::process::{Command, Output};

fn rankwise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rankwise")).args(arguments).output().expect("it was built")
}

#[test]
fn help_names_what_it_can_do() {
    let help = rankwise(&["--help"]);
    let text = String::from_utf8(help.stdout).expect("text");
    assert!(help.status.success());
    for command in ["doctor", "new", "scaling"] {
        let told = text.lines().any(|line| line.trim_start().starts_with(command));
        assert!(told, "{command}: {text}");
    }
}

#[test]
fn what_it_does_not_know_is_a_usage_error() {
    let wrong = rankwise(&["dance"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stdout.is_empty());
    let text = String::from_utf8(wrong.stderr).expect("text");
    assert!(text.contains("'dance'") && text.contains("--help"), "{text}");
}
