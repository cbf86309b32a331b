// SPDX-License-Identifier: GPL-2.0

//! Sense data, RFC 7143 section 11.4.7.

use iscsi_proto::proto::{
    data_in::SenseSegment,
    reader::ReadError, //
};

/// A segment is cut where SenseLength says, however much of it was kept.
pub fn any(data: &[u8]) {
    let whole = SenseSegment::parse(data);
    assert_eq!(whole, model(data));
    for kept in 0..data.len().min(64) {
        let part = SenseSegment::parse_start(&data[..kept], data.len());
        match (whole, part) {
            (_, Err(error)) if kept < 2 => assert_eq!(error, ReadError::Missing("SenseLength")),
            (Ok(whole), Ok(part)) => {
                assert!(whole.sense.starts_with(part.sense));
                assert!(whole.rest.starts_with(part.rest));
                assert_eq!(part.sense.len() + part.rest.len(), kept - 2);
                // What follows the sense data is never taken for them, nor the other way round.
                assert!(part.rest.is_empty() || part.sense == whole.sense);
            }
            (whole, part) => assert_eq!(whole.is_ok(), part.is_ok(), "{kept} bytes kept"),
        }
    }
}

fn model(data: &[u8]) -> Result<SenseSegment<'_>, ReadError> {
    match data {
        [] => Ok(SenseSegment {
            sense: &[],
            rest: &[],
        }),
        [_] => Err(ReadError::Missing("SenseLength")),
        [high, low, rest @ ..] => {
            let len = usize::from(*high) * 256 + usize::from(*low);
            if len > rest.len() {
                return Err(ReadError::Missing("sense data"));
            }
            Ok(SenseSegment {
                sense: &rest[..len],
                rest: &rest[len..],
            })
        }
    }
}
