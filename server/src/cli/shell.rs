//! Completion scripts and man pages, generated from the definition of the command line.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, out};

/// Prints the script that completes commands and options in a shell.
pub(super) fn complete(shell: Shell) -> Result<(), String> {
    // Otherwise the completion of each command would list every setting again.
    let mut command = Cli::command().mut_args(|argument| {
        let is_hidden = argument.is_hide_set();
        if is_hidden { argument.global(false) } else { argument }
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "portcullis", &mut script);
    out::write(&script)
}

/// Prints `portcullis(1)`, or writes a page for each command into a folder.
pub(super) fn man(folder: Option<&Path>) -> Result<(), String> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|cause| format!("cannot write the man page: {cause}"))?;
        return out::write(&page);
    };
    clap_mangen::generate_to(Cli::command(), folder).map_err(|cause| {
        format!(
            "cannot write man pages into {}: {cause}. Name a folder that exists and that you may write",
            folder.display()
        )
    })
}
