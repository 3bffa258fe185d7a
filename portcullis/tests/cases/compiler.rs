//! The compiler, called directly with the artifacts that cargo built. Building everything again, as `trybuild` does with
//! its own target folder and flags, takes minutes, mostly for the C code of aws-lc.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;

/// The features that the pages tell a reader to add, beside the backend. One set serves every test.
const FEATURES: &str = if cfg!(feature = "discovery") {
    "discovery,axum/json,tokio/rt-multi-thread"
} else {
    "axum/json,tokio/rt-multi-thread"
};

/// The compiler, and the crates that a program can name.
pub(super) struct Compiler {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Compiler {
    pub(super) fn get() -> &'static Self {
        static COMPILER: LazyLock<Compiler> = LazyLock::new(Compiler::new);
        &COMPILER
    }

    fn new() -> Self {
        let cargo = Path::new(env!("CARGO"));
        let backend = if cfg!(feature = "aws-lc-rs") { "aws-lc-rs" } else { "rust-crypto" };
        let built = Command::new(cargo)
            .args(["build", "--lib", "--offline", "--message-format=json"])
            .args(["--no-default-features", "--features", &format!("{backend},{FEATURES}")])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let messages: Vec<Value> = built
            .stdout
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        let library = |name: &str, kind: &str| -> PathBuf {
            let artifact = messages.iter().find(|message| {
                message["reason"] == "compiler-artifact"
                    && message["target"]["name"] == name
                    && message["target"]["kind"][0] == "lib"
            });
            let files =
                artifact.unwrap_or_else(|| panic!("cargo built no {name}"))["filenames"].as_array().unwrap();
            files
                .iter()
                .map(|file| file.as_str().unwrap())
                .find(|file| Path::new(file).extension().is_some_and(|extension| extension == kind))
                .unwrap()
                .into()
        };
        let mut arguments: Vec<OsString> =
            ["--edition=2024", "--crate-type=bin", "--diagnostic-width=200"].map(Into::into).into();
        // cargo puts the library itself one folder up, without what it depends on.
        arguments.extend(["-L".into(), dependencies(&library("portcullis", "rmeta"))]);
        for name in ["portcullis", "axum", "http", "schemars", "serde", "serde_json", "tokio"] {
            let mut named = OsString::from(format!("{name}="));
            named.push(library(name, "rlib"));
            arguments.extend(["--extern".into(), named]);
        }
        Self { program: cargo.with_file_name("rustc"), arguments }
    }

    /// Whether the program in this file compiles, and what the compiler says about it.
    pub(super) fn check(&self, file: &Path) -> (bool, String) {
        let output = self.run(file, "metadata", &in_tmp("checked.rmeta"));
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Builds a program from its text.
    pub(super) fn build(&self, name: &str, code: &str) -> PathBuf {
        let (file, program) = (in_tmp(&format!("{name}.rs")), in_tmp(name));
        std::fs::write(&file, code).unwrap();
        let output = self.run(&file, "link", &program);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        program
    }

    fn run(&self, file: &Path, emit: &str, to: &Path) -> Output {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(format!("--emit={emit}")).arg("-o").arg(to).arg(file);
        command.output().unwrap()
    }
}

fn in_tmp(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn dependencies(file: &Path) -> OsString {
    let mut argument = OsString::from("dependency=");
    argument.push(file.parent().unwrap());
    argument
}
