//! A new password, typed unseen on the terminal or piped in; never an argument.

use std::io::{self, BufRead, BufReader, IsTerminal as _};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::PasswordSource;

/// Longer than any password that the server takes.
const MAX_BYTES: u64 = 4096;

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewPasswordError {
    /// The terminal or standard input failed.
    #[error("cannot read the password: {0}")]
    Read(#[from] io::Error),
    /// The two entries differ.
    #[error("the two passwords differ: nothing was changed, try again")]
    Differ,
    /// There was none.
    #[error("the password is empty: type one, or give one line of standard input")]
    Empty,
    /// The line is too long to be a password.
    #[error("the password is longer than 4096 bytes: give one line of standard input")]
    TooLong,
}

/// Asks for a password twice on the terminal without showing it, or takes one line of standard input, without its
/// line end, when that was asked for or is no terminal. Whether the password is good is the account's business.
///
/// # Errors
/// [`NewPasswordError`].
pub fn read_new_password(source: PasswordSource) -> Result<SecretString, NewPasswordError> {
    let stdin = io::stdin();
    if source.password_stdin || !stdin.is_terminal() {
        return line(stdin.lock());
    }
    let first = SecretString::from(rpassword::prompt_password("New password: ")?);
    if first.expose_secret().is_empty() {
        return Err(NewPasswordError::Empty);
    }
    let second = SecretString::from(rpassword::prompt_password("The same again: ")?);
    if first.expose_secret() != second.expose_secret() {
        return Err(NewPasswordError::Differ);
    }
    Ok(first)
}

fn line(input: impl io::Read) -> Result<SecretString, NewPasswordError> {
    let mut text = Zeroizing::new(String::new());
    BufReader::new(input.take(MAX_BYTES + 1)).read_line(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(NewPasswordError::TooLong);
    }
    // What Windows editors and PowerShell put before a text is not part of it.
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
