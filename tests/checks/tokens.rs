//! Tokens as bytes, and what a table says of them: whom it admits, and what became of the shards of old ones.

use shardway::{Memory, Table, Token};

use crate::dense::tokens::{ask_everywhere, expected_fate, lived, told};

fn check_bytes(bytes: &[u8]) {
    match Token::from_bytes(bytes) {
        Ok(token) => {
            assert_eq!(token.to_bytes(), bytes);
            let written = postcard::to_allocvec(&token).unwrap();
            assert_eq!(postcard::from_bytes::<Token>(&written), Ok(token));
            let fate = told(Table::empty().fate(token)).0;
            assert_eq!(fate, if token.shard.0 == 0 { "unknown" } else { "ahead" });
        }
        Err(_) => assert_ne!(bytes.len(), Token::BYTES),
    }
}

pub(crate) fn run(bytes: &[u8]) {
    check_bytes(bytes);
    let (token, rest) = bytes.split_at(bytes.len().min(Token::BYTES));
    check_bytes(token);
    let Some((kind, script)) = rest.split_first() else { return };
    let memory = match kind % 4 {
        0 => Memory { passings: u64::from(kind / 4), revisions: u64::MAX },
        1 => Memory { passings: u64::MAX, revisions: u64::from(kind / 4) },
        _ => Memory { passings: u64::MAX, revisions: u64::MAX },
    };
    let forgets = kind % 4 < 2;
    let (table, olds) = lived(&script[..script.len().min(160)], memory);
    for old in &olds {
        assert_eq!(Token::from_bytes(&old.token.to_bytes()), Ok(old.token));
        let fate = told(table.fate(old.token));
        assert!(
            forgets && fate.0 == "unknown" || fate == expected_fate(&table, old),
            "{}: {fate:?}",
            old.token
        );
    }
    ask_everywhere(&table, &olds);
}
