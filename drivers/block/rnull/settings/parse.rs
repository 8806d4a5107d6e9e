// SPDX-License-Identifier: GPL-2.0

//! Parsing the text of attributes, as C drivers do.
//!
//! The rules are those of `kstrtoull()` with base 0 and `kstrtobool()`: a number may begin with
//! `+`, is hexadecimal after `0x`, octal after `0` and decimal otherwise, and may be followed by
//! one newline. Text ends at the first null byte.

use kernel::{
    prelude::*,
    str::kstrtobool_bytes, //
};

/// A value of an attribute.
pub(crate) trait Value: Sized {
    /// Parses a value.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `text` is not a value of this type, `ERANGE` if it is too large.
    fn parse(text: &[u8]) -> Result<Self>;

    /// Converts a value back from a number.
    fn from_number(number: u64) -> Self;
}

impl Value for u64 {
    fn parse(text: &[u8]) -> Result<Self> {
        let text = text.split(|&byte| byte == 0).next().unwrap_or(&[]);
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_prefix(b"+").unwrap_or(text);
        let (digits, radix) = match text {
            [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                (rest, 16)
            }
            [b'0', _, ..] => (text, 8),
            _ => (text, 10),
        };

        let mut value = Some(0u64);
        let mut rest = digits;
        while let [byte, after @ ..] = rest {
            let Some(digit) = char::from(*byte).to_digit(radix) else {
                break;
            };
            value = value
                .and_then(|value| value.checked_mul(radix.into()))
                .and_then(|value| value.checked_add(digit.into()));
            rest = after;
        }
        // As in C, overflow takes precedence over an error after the digits.
        let value = value.ok_or(ERANGE)?;
        if rest.len() == digits.len() || !rest.is_empty() {
            return Err(EINVAL);
        }
        Ok(value)
    }

    fn from_number(number: u64) -> Self {
        number
    }
}

impl Value for u32 {
    fn parse(text: &[u8]) -> Result<Self> {
        u64::parse(text)?.try_into().map_err(|_| ERANGE)
    }

    fn from_number(number: u64) -> Self {
        number as u32
    }
}

impl Value for bool {
    fn parse(text: &[u8]) -> Result<Self> {
        kstrtobool_bytes(text)
    }

    fn from_number(number: u64) -> Self {
        number != 0
    }
}

#[kunit_tests(rnull_config_parse)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let cases: &[(&[u8], u64)] = &[
            (b"0", 0),
            (b"7\n", 7),
            (b"+7", 7),
            (b"4096", 4096),
            (b"0x10", 16),
            (b"0XfF\n", 255),
            (b"010", 8),
            (b"00", 0),
            (b"5\0garbage", 5),
            (b"18446744073709551615", u64::MAX),
            (b"0xffffffffffffffff", u64::MAX),
        ];
        for &(text, value) in cases {
            assert_eq!(u64::parse(text), Ok(value));
        }
    }

    #[test]
    fn not_numbers() {
        let cases: &[&[u8]] = &[
            b"",
            b"\n",
            b"+",
            b"-1",
            b" 1",
            b"1 ",
            b"1\n\n",
            b"++1",
            b"0x",
            b"0xg",
            b"08",
            b"1k",
            b"x",
            b"\0",
            b"99999999999999999x",
        ];
        for &text in cases {
            assert_eq!(u64::parse(text), Err(EINVAL));
        }
    }

    #[test]
    fn too_large() {
        assert_eq!(u64::parse(b"18446744073709551616"), Err(ERANGE));
        assert_eq!(u64::parse(b"0x10000000000000000"), Err(ERANGE));
        assert_eq!(u64::parse(b"99999999999999999999x"), Err(ERANGE));
        assert_eq!(u32::parse(b"4294967295"), Ok(u32::MAX));
        assert_eq!(u32::parse(b"4294967296"), Err(ERANGE));
    }

    #[test]
    fn booleans() {
        for text in [&b"1"[..], b"y\n", b"Y", b"on"] {
            assert_eq!(bool::parse(text), Ok(true));
        }
        for text in [&b"0"[..], b"n\n", b"N", b"off"] {
            assert_eq!(bool::parse(text), Ok(false));
        }
        for text in [&b"2"[..], b"", b"\n", b"x"] {
            assert_eq!(bool::parse(text), Err(EINVAL));
        }
    }
}
