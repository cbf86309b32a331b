// SPDX-License-Identifier: GPL-2.0

//! What a header must not say, one test for each rule of RFC 7143 section 11.

use super::*;

/// A header of this kind with tags and lengths that nobody objects to.
fn blank(opcode: Opcode) -> Bhs {
    let mut bhs = [0; BHS_LEN];
    put_opcode(&mut bhs, opcode);
    bhs
}

/// The same with some bytes changed.
fn with(mut bhs: Bhs, changes: &[(usize, u8)]) -> Bhs {
    for &(at, byte) in changes {
        bhs[at] = byte;
    }
    bhs
}

#[test]
fn a_header_is_not_read_as_another_kind() {
    assert_eq!(
        R2t::parse(&blank(Opcode::DATA_IN)),
        Err(PduError::WrongOpcode(Opcode::DATA_IN))
    );
}

/// Section 11.2.1.5: TotalAHSLength "MUST be 0 in all other PDUs".
#[test]
fn only_a_scsi_command_has_additional_headers_11_2_1_5() {
    for code in TARGET_OPCODES {
        let bhs = with(blank(Opcode::new(code)), &[(4, 1)]);
        assert_eq!(TargetPdu::parse(&bhs), Err(PduError::UnexpectedAhs));
    }
    for code in INITIATOR_OPCODES {
        let bhs = with(blank(Opcode::new(code)), &[(1, 0xa0), (4, 1)]);
        let refused = InitiatorPdu::parse(&bhs) == Err(PduError::UnexpectedAhs);
        assert_eq!(refused, code != Opcode::SCSI_COMMAND.get(), "{code:#x}");
    }
}

/// Sections 11.5.2, 11.6.2, 11.8.1, 11.14.2, 11.15.2 and 11.2.1.6.
#[test]
fn pdus_without_data_announce_none_11_2_1_6() {
    for code in [0x22, 0x26, 0x31] {
        let bhs = with(blank(Opcode::new(code)), &[(7, 1)]);
        assert_eq!(TargetPdu::parse(&bhs), Err(PduError::UnexpectedData));
    }
    for code in [0x02, 0x06, 0x10] {
        let bhs = with(blank(Opcode::new(code)), &[(5, 1)]);
        assert_eq!(InitiatorPdu::parse(&bhs), Err(PduError::UnexpectedData));
    }
}

/// Section 11.2.1.8: 0xffffffff is seen in NOP, and where the pictures say so; nowhere else.
#[test]
fn reserved_task_tag_names_no_task_11_2_1_8() {
    let reserved = [(16, 0xff), (17, 0xff), (18, 0xff), (19, 0xff)];
    for code in TARGET_OPCODES {
        let bhs = with(blank(Opcode::new(code)), &reserved);
        let refused = TargetPdu::parse(&bhs) == Err(PduError::ReservedItt);
        let may = [Opcode::NOP_IN, Opcode::ASYNC_MESSAGE, Opcode::REJECT];
        assert_eq!(refused, !may.contains(&Opcode::new(code)), "{code:#x}");
    }
    for code in INITIATOR_OPCODES {
        let bhs = with(blank(Opcode::new(code)), &reserved);
        let refused = InitiatorPdu::parse(&bhs) == Err(PduError::ReservedItt);
        let may = [Opcode::NOP_OUT, Opcode::SNACK_REQUEST];
        assert_eq!(refused, !may.contains(&Opcode::new(code)), "{code:#x}");
    }
}

#[test]
fn a_command_has_w_or_f_11_3_1() {
    let parse = |flags| ScsiCommand::parse(&with(blank(Opcode::SCSI_COMMAND), &[(1, flags)]));
    assert_eq!(parse(0x40), Err(PduError::NeitherWriteNorFinal));
    assert_eq!(parse(0x00), Err(PduError::NeitherWriteNorFinal));
    for flags in [0x20, 0x80, 0xa0, 0xc0, 0xe0] {
        assert!(parse(flags).is_ok(), "{flags:#x}");
    }
}

#[test]
fn data_of_a_command_have_a_direction_11_3_1() {
    let parse = |flags, len| {
        let changes = [(1, flags), (23, len)];
        ScsiCommand::parse(&with(blank(Opcode::SCSI_COMMAND), &changes))
    };
    assert_eq!(parse(0x80, 1), Err(PduError::NoDirection));
    assert!(parse(0x80, 0).is_ok());
    // R and W may be set without data.
    assert!(parse(0xe0, 0).is_ok() && parse(0xc0, 1).is_ok() && parse(0xa0, 1).is_ok());
}

#[test]
fn overflow_and_underflow_exclude_each_other_11_4_1() {
    let parse = |flags, response| {
        let changes = [(1, flags), (2, response)];
        ScsiResponse::parse(&with(blank(Opcode::SCSI_RESPONSE), &changes))
    };
    assert_eq!(parse(0x86, 0), Err(PduError::OverflowAndUnderflow));
    assert_eq!(parse(0x98, 0), Err(PduError::OverflowAndUnderflow));
    assert!(parse(0x8c, 0).is_ok() && parse(0x92, 0).is_ok());
    // Section 11.4.3: flags of a command that was not completed are to be ignored.
    assert!(parse(0x9e, 1).is_ok());

    let data_in = |flags| DataIn::parse(&with(blank(Opcode::DATA_IN), &[(1, flags)]));
    assert_eq!(data_in(0x87), Err(PduError::OverflowAndUnderflow));
    // Section 11.7.3: without S they are not valid.
    assert!(data_in(0x86).is_ok());
}

#[test]
fn status_comes_with_the_last_data_only_11_7_3() {
    let parse = |flags| DataIn::parse(&with(blank(Opcode::DATA_IN), &[(1, flags)]));
    assert_eq!(parse(0x01), Err(PduError::StatusBeforeFinal));
    assert!(parse(0x81).is_ok() && parse(0x80).is_ok() && parse(0x00).is_ok());
}

#[test]
fn data_carry_no_exception_status_11_7_3() {
    let parse = |flags, status| {
        let changes = [(1, flags), (3, status)];
        DataIn::parse(&with(blank(Opcode::DATA_IN), &changes))
    };
    for status in 0..=255 {
        let good = [0x00, 0x04, 0x10, 0x14].contains(&status);
        assert_eq!(parse(0x81, status).is_ok(), good, "{status:#x}");
        assert!(parse(0x80, status).is_ok());
    }
    assert_eq!(
        parse(0x81, 0x02),
        Err(PduError::ErrorStatusInData(ScsiStatus::CHECK_CONDITION))
    );
}

#[test]
fn an_r2t_asks_for_something_11_8_4() {
    let parse = |len| R2t::parse(&with(blank(Opcode::R2T), &[(47, len)]));
    assert_eq!(parse(0), Err(PduError::EmptyR2t));
    assert!(parse(1).is_ok());
}

#[test]
fn an_r2t_has_a_transfer_tag_11_8_5() {
    let tag = [(20, 0xff), (21, 0xff), (22, 0xff), (23, 0xff), (47, 1)];
    assert_eq!(
        R2t::parse(&with(blank(Opcode::R2T), &tag)),
        Err(PduError::ReservedTtt)
    );
}

#[test]
fn text_that_goes_on_is_not_final_11_10_2_11_11_2() {
    for opcode in [Opcode::TEXT_REQUEST, Opcode::TEXT_RESPONSE] {
        let parse = |flags| {
            let bhs = with(blank(opcode), &[(1, flags)]);
            match opcode {
                Opcode::TEXT_REQUEST => TextRequest::parse(&bhs).map(|_| ()),
                _ => TextResponse::parse(&bhs).map(|_| ()),
            }
        };
        assert_eq!(parse(0xc0), Err(PduError::ContinueWithFinal));
        for flags in [0x00, 0x40, 0x80] {
            assert_eq!(parse(flags), Ok(()));
        }
    }
}

#[test]
fn text_to_be_continued_has_a_transfer_tag_11_11_1() {
    let tag = [(20, 0xff), (21, 0xff), (22, 0xff), (23, 0xff)];
    let open = with(blank(Opcode::TEXT_RESPONSE), &tag);
    assert_eq!(TextResponse::parse(&open), Err(PduError::ReservedTtt));
    // Final: no tag; and one that stands there all the same is ignored (11.10.4).
    assert!(TextResponse::parse(&with(open, &[(1, 0x80)])).is_ok());
    assert!(TextResponse::parse(&with(blank(Opcode::TEXT_RESPONSE), &[(1, 0x80)])).is_ok());
}

#[test]
fn login_text_that_goes_on_ends_no_stage_11_12_2_11_13_7() {
    let request = with(blank(Opcode::LOGIN_REQUEST), &[(1, 0xc1)]);
    assert_eq!(
        LoginRequest::parse(&request),
        Err(PduError::ContinueWithFinal)
    );
    let response = with(blank(Opcode::LOGIN_RESPONSE), &[(1, 0xc1)]);
    assert_eq!(
        LoginResponse::parse(&response),
        Err(PduError::ContinueWithFinal)
    );
}

/// Section 11.12.3: code 2 is reserved; NSG is reserved as a whole unless T is set.
#[test]
fn stages_have_three_codes_11_12_3() {
    for (flags, ok) in [
        (0x00, true),
        (0x08, false),
        (0x0c, true),
        (0x02, true),
        (0x82, false),
        (0x83, true),
        (0x81, true),
    ] {
        let request = LoginRequest::parse(&with(blank(Opcode::LOGIN_REQUEST), &[(1, flags)]));
        let response = LoginResponse::parse(&with(blank(Opcode::LOGIN_RESPONSE), &[(1, flags)]));
        assert_eq!(request.is_ok(), ok, "{flags:#x}");
        assert_eq!(response.is_ok(), ok, "{flags:#x}");
        if !ok {
            assert_eq!(request, Err(PduError::ReservedStage));
            assert_eq!(response, Err(PduError::ReservedStage));
        }
    }
}

/// A target that refuses may be careless with the rest; its reason has to get through.
#[test]
fn a_refused_login_is_understood_whatever_its_flags_11_13_5() {
    for flags in 0..=255 {
        let changes = [(1, flags), (36, 0x02), (37, 0x01)];
        let response = LoginResponse::parse(&with(blank(Opcode::LOGIN_RESPONSE), &changes));
        assert_eq!(
            response.map(|r| r.status),
            Ok(LoginStatus::AUTHENTICATION_FAILURE)
        );
    }
}

#[test]
fn a_nop_out_that_wants_no_answer_is_immediate_11_18_1() {
    let tag = [(16, 0xff), (17, 0xff), (18, 0xff), (19, 0xff)];
    let ordered = with(blank(Opcode::NOP_OUT), &tag);
    assert_eq!(NopOut::parse(&ordered), Err(PduError::OrderedNop));
    assert!(NopOut::parse(&with(ordered, &[(0, 0x40)])).is_ok());
    assert!(NopOut::parse(&blank(Opcode::NOP_OUT)).is_ok());
}

#[test]
fn a_nop_in_is_ping_or_answer_11_19() {
    // Both tags are 0, thus valid.
    assert_eq!(
        NopIn::parse(&blank(Opcode::NOP_IN)),
        Err(PduError::PingInAnswer)
    );
}

#[test]
fn a_nop_in_that_answers_nothing_has_no_data_11_19() {
    let ping = with(
        blank(Opcode::NOP_IN),
        &[(16, 0xff), (17, 0xff), (18, 0xff), (19, 0xff), (7, 1)],
    );
    assert_eq!(NopIn::parse(&ping), Err(PduError::UnexpectedData));
    assert!(NopIn::parse(&with(ping, &[(7, 0)])).is_ok());
}

/// Sections 11.18 and 11.18.2: TTT and LUN are copied, ITT is reserved, I is set.
#[test]
fn a_ping_is_answered_with_its_tag_and_lun_11_18() {
    let ping = NopIn {
        data_len: SegmentLen::ZERO,
        lun: Lun::from_number(7),
        itt: None,
        ttt: Ttt::new(0x1234),
        stat_sn: StatSn::new(9),
        exp_cmd_sn: CmdSn::new(1),
        max_cmd_sn: CmdSn::new(2),
    };
    let answer = NopOut::answer(&ping, CmdSn::new(5), StatSn::new(9)).unwrap();
    assert_eq!(
        answer.to_bytes(),
        bhs("40800000 00000000 00070000 00000000 ffffffff 00001234 \
             00000005 00000009 00000000 00000000 00000000 00000000")
    );
    let quiet = NopIn { ttt: None, ..ping };
    assert_eq!(NopOut::answer(&quiet, CmdSn::new(5), StatSn::new(9)), None);
}

/// Sections 4.2.2.2, 11.7.3, 11.8.3, 11.13.4, 11.19.2: who uses up a StatSN.
#[test]
fn statsn_is_used_up_by_statuses_only() {
    let sn = StatSn::new(0x6162_6364);
    let stat_sn = [(24, 0x61), (25, 0x62), (26, 0x63), (27, 0x64), (47, 1)];
    let parse = |code, changes: &[(usize, u8)]| {
        let bhs = with(with(blank(Opcode::new(code)), &stat_sn), changes);
        TargetPdu::parse(&bhs).map(|pdu| pdu.stat_sn())
    };
    let no_itt = [(16, 0xff), (17, 0xff), (18, 0xff), (19, 0xff)];
    let no_ttt = [(20, 0xff), (21, 0xff), (22, 0xff), (23, 0xff)];
    for code in [0x21, 0x22, 0x23, 0x24, 0x26, 0x32, 0x3f] {
        assert_eq!(parse(code, &[]), Ok(StatSnUse::Takes(sn)), "{code:#x}");
    }
    assert_eq!(parse(0x20, &no_ttt), Ok(StatSnUse::Takes(sn)));
    assert_eq!(parse(0x20, &no_itt), Ok(StatSnUse::Shows(sn)));
    assert_eq!(parse(0x31, &[]), Ok(StatSnUse::Shows(sn)));
    assert_eq!(parse(0x25, &[(1, 0x80)]), Ok(StatSnUse::Absent));
    assert_eq!(parse(0x25, &[(1, 0x81)]), Ok(StatSnUse::Takes(sn)));
    assert_eq!(parse(0x23, &[(36, 3)]), Ok(StatSnUse::Absent));
}

/// Section 11.13.5: the numbers of a refused login mean nothing.
#[test]
fn every_pdu_but_a_refused_login_moves_the_window() {
    let numbers = [(31, 5), (35, 9), (47, 1)];
    let window = Some((CmdSn::new(5), CmdSn::new(9)));
    for code in TARGET_OPCODES {
        let mut bhs = with(blank(Opcode::new(code)), &numbers);
        if code == 0x20 {
            bhs[16..20].fill(0xff);
        }
        assert_eq!(TargetPdu::parse(&bhs).map(|p| p.window()), Ok(window));
    }
    let refused = with(
        with(blank(Opcode::LOGIN_RESPONSE), &numbers),
        &[(36, 1), (37, 1)],
    );
    assert_eq!(TargetPdu::parse(&refused).map(|p| p.window()), Ok(None));
}

/// Section 11.15.3, at an ErrorRecoveryLevel below 2.
#[test]
fn a_logout_that_went_well_leaves_nothing_to_wait_for_11_15_3() {
    let wait = |outcome| {
        let bhs = with(
            blank(Opcode::LOGOUT_RESPONSE),
            &[(2, outcome), (41, 7), (43, 9)],
        );
        LogoutResponse::parse(&bhs).map(|response| response.time_to_wait())
    };
    assert_eq!(wait(0), Ok(Some(0)));
    assert_eq!(wait(1), Ok(None));
    assert_eq!(wait(2), Ok(Some(7)));
    assert_eq!(wait(3), Ok(Some(7)));
    assert_eq!(wait(4), Ok(None));
}

/// Section 11.9.1: Parameter2 is reserved in the other events.
#[test]
fn a_drop_says_how_long_to_wait_11_9_1() {
    let wait = |event| {
        let bhs = with(
            blank(Opcode::ASYNC_MESSAGE),
            &[(36, event), (41, 7), (43, 9)],
        );
        AsyncMessage::parse(&bhs).map(|message| message.time_to_wait())
    };
    for event in [0, 1, 4, 5, 255] {
        assert_eq!(wait(event), Ok(None), "{event}");
    }
    for event in [2, 3] {
        assert_eq!(wait(event), Ok(Some(7)), "{event}");
    }
}
