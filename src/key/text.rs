//! The text form of keys: printable text as it is, everything else as `\xNN`. Reading a text gives back the same bytes.
//! Ranges are written with the same escapes, between quotes, in [`super::range`].

use std::fmt;

/// Writes `bytes` so that [`unescape`] gives them back: `\` and `"` get a backslash, and what is not printable UTF-8
/// becomes `\xNN`, a byte at a time.
pub(super) fn write_escaped(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use fmt::Write;

    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '"' => write!(f, "\\{c}")?,
                _ if is_printable(c) => f.write_char(c)?,
                _ => write_hex(c.encode_utf8(&mut [0; 4]).as_bytes(), f)?,
            }
        }
        write_hex(chunk.invalid(), f)?;
    }
    Ok(())
}

/// [`write_escaped`] between double quotes.
pub(super) fn write_quoted(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    write_escaped(bytes, f)?;
    f.write_str("\"")
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

/// The standard library's own view of what can be shown: it escapes controls, format characters and marks that would
/// melt into the character before them.
fn is_printable(c: char) -> bool {
    c == '\'' || c.escape_debug().len() == 1
}

/// Reads what [`write_escaped`] wrote; an unescaped quote stands for itself.
pub(super) fn unescape(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest.as_bytes()[at + 1..];
        let length = match escape {
            [plain @ (b'\\' | b'"'), ..] => {
                bytes.push(*plain);
                1
            }
            [b'x', high, low, ..] => {
                bytes.push(hex(*high)? << 4 | hex(*low)?);
                3
            }
            [b'x', ..] => return Err(r"\x takes two hexadecimal digits"),
            [] => return Err("the text ends within an escape"),
            _ => return Err(r#"an escape is \\, \" or \xNN"#),
        };
        rest = &rest[at + 1 + length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

fn hex(digit: u8) -> Result<u8, &'static str> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(r"\x takes two hexadecimal digits"),
    }
}

/// Splits `"…"rest` into the escaped text between the quotes and what follows them.
pub(super) fn split_quoted(text: &str) -> Result<(&str, &str), &'static str> {
    let inner = text.strip_prefix('"').ok_or("a key is written between double quotes")?;
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Ok((&inner[..at], &inner[at + 1..])),
            _ => {}
        }
    }
    Err("a key lacks its closing quote")
}

#[cfg(test)]
mod tests {
    use crate::error::Error;
    use crate::key::Key;

    #[test]
    fn text_stays_readable() {
        for text in ["user/5000", "it's", "ключ/キー", ""] {
            assert_eq!(Key::from(text).to_string(), text);
        }
        assert_eq!(Key::from(b"a\\b\"c\n").to_string(), r#"a\\b\"c\x0a"#);
        assert_eq!(Key::from("a\u{202e}b").to_string(), r"a\xe2\x80\xaeb", "what can't be seen is escaped");
    }

    #[test]
    #[cfg_attr(miri, ignore = "65,536 pairs, and no unsafe code")]
    fn every_pair_of_bytes_round_trips() {
        for high in 0..=255u8 {
            for low in 0..=255u8 {
                let key = Key::from([high, low]);
                assert_eq!(key.to_string().parse::<Key>(), Ok(key));
            }
        }
    }

    #[test]
    fn bad_escapes_are_refused() {
        for text in [r"\", r"\x", r"\x1", r"\xg0", r"\x+1", r"\n", r"a\", "\\é", "\\xé"] {
            assert!(matches!(text.parse::<Key>(), Err(Error::Parse { what: "key", .. })), "{text}");
        }
        assert_eq!(r"\xFf".parse::<Key>(), Ok(Key::from([0xff])), "either case is read");
    }
}
