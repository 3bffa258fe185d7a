//! The examples as programs: each is started and must respond to a request. `main.rs` tests their responses in detail.
//!
//! `resource_server` and `docs_log_in` need an issuer; the tests in `interop/` and `browser/` start them.

#[cfg(test)]
mod cases {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::TcpStream,
        path::PathBuf,
        process::{Child, Command, Stdio},
    };

    /// Killed when the test ends, even if it fails.
    struct Running(Child);

    impl Drop for Running {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }

    /// cargo builds the examples along with the tests, next to them.
    fn program(name: &str) -> PathBuf {
        let tests = std::env::current_exe().unwrap();
        let program = tests.parent().unwrap().with_file_name("examples").join(name);
        assert!(program.is_file(), "{name} is not built: run `cargo test` without a choice of targets");
        program
    }

    /// Starts the example on a free port, and sends it one request.
    fn status(name: &str, path: &str) -> String {
        let mut command = Command::new(program(name));
        // An example's database is placed where temporary files are.
        command.arg("127.0.0.1:0").env("TMPDIR", env!("CARGO_TARGET_TMPDIR"));
        let mut running = Running(command.stderr(Stdio::piped()).spawn().unwrap());
        let said = BufReader::new(running.0.stderr.take().unwrap());
        let mut lines = said.lines().map(Result::unwrap);
        let address = lines.find_map(|line| line.strip_prefix("listens on http://").map(str::to_owned));
        let address = address.unwrap_or_else(|| panic!("{name} ended before it listened"));
        // The rest is read as it comes, because writing to a closed pipe panics.
        std::thread::spawn(move || lines.for_each(drop));

        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or_default().to_owned()
    }

    #[test]
    fn every_example_starts_and_answers() {
        let mut examples = vec![
            ("after", "/orders/1", "401"),
            ("any_of_scopes", "/orders/1", "401"),
            ("cookie_session", "/", "200"),
            ("guide", "/profile", "401"),
            ("optional_user", "/articles/1", "200"),
            ("permissions", "/documents", "401"),
        ];
        if cfg!(feature = "api-keys") {
            examples.push(("api_keys", "/stock", "401"));
        }
        if cfg!(feature = "axum-full") {
            examples.extend([("before", "/orders/1", "404"), ("websocket", "/", "200")]);
        }
        for (name, path, expected) in examples {
            assert_eq!(status(name, path), expected, "{name}");
        }
    }
}
