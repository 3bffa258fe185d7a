//! A new password, typed on the terminal without echo, or piped in; never an argument.

use std::io::{self, BufRead, BufReader, IsTerminal as _};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::PasswordSource;

/// Longer than any password that the server accepts.
const MAX_BYTES: u64 = 4096;

/// The reason why there is no password.
#[derive(Debug, thiserror::Error)]
pub(super) enum NewPasswordError {
    /// The terminal or standard input failed.
    #[error("cannot read the password: {0}")]
    Read(#[from] io::Error),
    /// The two entries differ.
    #[error("the passwords do not match; nothing was changed, try again")]
    Differ,
    /// The password is empty.
    #[error("the password is empty; type one, or give one line of standard input")]
    Empty,
    /// The line is too long to be a password.
    #[error("the password is longer than 4096 bytes; give one line of standard input")]
    TooLong,
}

/// A password that was entered once.
pub(super) struct Given {
    password: SecretString,
    /// Whether it was typed, and must therefore be typed again.
    is_typed: bool,
}

/// Prompts for a password on the terminal without echo. Reads one line of standard input instead, without its line
/// ending, if that was requested or standard input is not a terminal. The caller checks whether the password is
/// acceptable.
///
/// # Errors
/// [`NewPasswordError`].
pub(super) fn read_new_password(source: PasswordSource, prompt: &str) -> Result<Given, NewPasswordError> {
    let stdin = io::stdin();
    if source.password_stdin || !stdin.is_terminal() {
        return Ok(Given { password: line(stdin.lock())?, is_typed: false });
    }
    let password = SecretString::from(rpassword::prompt_password(prompt)?);
    if password.expose_secret().is_empty() {
        return Err(NewPasswordError::Empty);
    }
    Ok(Given { password, is_typed: true })
}

impl Given {
    pub(super) fn first(&self) -> &SecretString {
        &self.password
    }

    /// The password, after it was typed the same way again.
    pub(super) fn confirmed(self) -> Result<SecretString, NewPasswordError> {
        if self.is_typed {
            let again = SecretString::from(rpassword::prompt_password("Repeat the password: ")?);
            if again.expose_secret() != self.password.expose_secret() {
                return Err(NewPasswordError::Differ);
            }
        }
        Ok(self.password)
    }
}

fn line(input: impl io::Read) -> Result<SecretString, NewPasswordError> {
    let mut text = Zeroizing::new(String::new());
    BufReader::new(input.take(MAX_BYTES + 1)).read_line(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(NewPasswordError::TooLong);
    }
    // Windows editors and PowerShell put a byte order mark before the text.
    let password = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let password = password.strip_suffix('\n').unwrap_or(password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(NewPasswordError::Empty);
    }
    Ok(SecretString::from(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_taken_without_its_end_and_spaces_stay() {
        for (input, password) in
            [("a b \n", "a b "), ("secret\r\nmore\n", "secret"), ("no end", "no end"), ("\u{feff}a\n", "a")]
        {
            assert_eq!(line(input.as_bytes()).unwrap().expose_secret(), password);
        }
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert!(matches!(line("\n".as_bytes()), Err(NewPasswordError::Empty)));
        assert!(matches!(line("".as_bytes()), Err(NewPasswordError::Empty)));
        assert!(matches!(line("x".repeat(4097).as_bytes()), Err(NewPasswordError::TooLong)));
        assert!(matches!(line([0xff, b'\n'].as_slice()), Err(NewPasswordError::Read(_))));
    }
}
