// SPDX-License-Identifier: GPL-2.0

//! Additional header segments, RFC 7143 section 11.2.2.

use iscsi_proto::proto::pdu::ahs::{
    split_cdb,
    Ahs,
    AhsError,
    AhsList,
    AhsWriter,
    MAX_CDB_LEN, //
};

/// Any bytes are a list of segments, or end in one error; a list is written as it was read.
pub fn any(data: &[u8]) {
    let mut list = AhsList::new(data);
    let mut segments = Vec::new();
    let mut error = None;
    for item in list.by_ref() {
        assert_eq!(error, None, "an error ends the list");
        match item {
            Ok(segment) => segments.push(segment),
            Err(wrong) => error = Some(wrong),
        }
    }
    assert_eq!(list.next(), None);

    let carried: usize = segments.iter().map(carried_len).sum();
    assert!(carried <= data.len(), "more was read than there is");
    if error.is_none() && data.len() <= 255 * 4 {
        round_trip(&segments);
    }
    check_cdb(data);
}

/// What is written is read again.
pub fn round_trip(segments: &[Ahs<'_>]) {
    let mut buffer = [0xee; 255 * 4];
    let mut writer = AhsWriter::new(&mut buffer);
    for segment in segments {
        assert_eq!(writer.push(*segment), Ok(()));
    }
    let len = usize::from(writer.words()) * 4;
    let read: Result<Vec<_>, _> = AhsList::new(&buffer[..len]).collect();
    assert_eq!(read.as_deref(), Ok(segments));
    for cut in 0..len.min(100) {
        let read: Result<Vec<_>, _> = AhsList::new(&buffer[..cut]).collect();
        match read {
            Ok(read) => assert!(segments.starts_with(&read), "cut at {cut}"),
            Err(error) => assert_eq!(error, AhsError::Truncated, "cut at {cut}"),
        }
    }
    // A buffer that is too small takes the segments that fit, and says so of the first that does
    // not.
    for size in (0..len.min(100)).step_by(4) {
        let mut small = vec![0; size];
        let mut writer = AhsWriter::new(&mut small);
        let refused = segments.iter().find_map(|each| writer.push(*each).err());
        assert_eq!(refused, Some(AhsError::NoRoom), "in {size} bytes");
    }
}

/// A CDB is split so that both parts together are the CDB again (section 11.3.5).
pub fn check_cdb(cdb: &[u8]) {
    match split_cdb(cdb) {
        Ok((first, rest)) => {
            let mut whole = first.to_vec();
            whole.extend_from_slice(rest);
            assert_eq!(&whole[..cdb.len()], cdb);
            assert!(whole[cdb.len()..].iter().all(|byte| *byte == 0));
            assert_eq!(whole.len(), cdb.len().max(16));
            if !rest.is_empty() {
                round_trip_one(rest);
            }
        }
        Err(error) => {
            assert_eq!(error, AhsError::BadCdb);
            assert!(cdb.is_empty() || cdb.len() > MAX_CDB_LEN);
        }
    }
}

fn round_trip_one(rest: &[u8]) {
    let mut buffer = [0; 255 * 4];
    let mut writer = AhsWriter::new(&mut buffer);
    assert_eq!(writer.push(Ahs::ExtendedCdb(rest)), Ok(()));
    let len = usize::from(writer.words()) * 4;
    let mut list = AhsList::new(&buffer[..len]);
    assert_eq!(list.next(), Some(Ok(Ahs::ExtendedCdb(rest))));
    assert_eq!(list.next(), None);
}

fn carried_len(segment: &Ahs<'_>) -> usize {
    match segment {
        Ahs::ExtendedCdb(rest) => rest.len() + 4,
        Ahs::BidiReadLen(_) => 8,
    }
}
