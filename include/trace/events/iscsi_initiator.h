/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of the iSCSI initiator.
 *
 * One event per state machine, one per direction of PDUs, one per answer to a login and one per fault.
 * Fields are numbers, but for the reason of a fault; the tables below give them the names that proto/
 * and linux/trace.rs give them, in the same order. tools/proto/tests/trace_symbols.rs compares the two.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iscsi_initiator

#if !defined(_TRACE_ISCSI_INITIATOR_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_ISCSI_INITIATOR_H

#include <linux/tracepoint.h>

/* proto::command::CommandKind */
#define iscsi_show_cmd_kind(kind)		\
	__print_symbolic(kind,			\
		{ 0, "scsi" },			\
		{ 1, "nop_ping" },		\
		{ 2, "nop_reply" },		\
		{ 3, "abort" },			\
		{ 4, "reset" },			\
		{ 5, "logout" },		\
		{ 6, "text" })

/* proto::command::CommandState */
#define iscsi_show_cmd_state(state)		\
	__print_symbolic(state,			\
		{ 0, "free" },			\
		{ 1, "pending" },		\
		{ 2, "active" },		\
		{ 3, "aborting" },		\
		{ 4, "releasing" },		\
		{ 5, "completed" })

/* proto::command::CommandEvent, by the number of the transition table: E1 is 1 */
#define iscsi_show_cmd_event(event)		\
	__print_symbolic(event,			\
		{ 1, "submitted" },		\
		{ 2, "picked" },		\
		{ 3, "answered" },		\
		{ 4, "abort_wanted" },		\
		{ 6, "timed_out" },		\
		{ 7, "disturbed" },		\
		{ 8, "delivered" },		\
		{ 9, "released" },		\
		{ 10, "chased_ended" })

/* proto::connection::ConnectionState */
#define iscsi_show_conn_state(state)		\
	__print_symbolic(state,			\
		{ 0, "free" },			\
		{ 1, "in_login" },		\
		{ 2, "logged_in" },		\
		{ 3, "in_logout" },		\
		{ 4, "failed" },		\
		{ 5, "polling" })

/* proto::connection::ConnectionEvent */
#define iscsi_show_conn_event(event)		\
	__print_symbolic(event,			\
		{ 0, "connect" },		\
		{ 1, "login_done" },		\
		{ 2, "login_lost" },		\
		{ 3, "session_closed" },	\
		{ 4, "logout_wanted" },		\
		{ 5, "logout_asked" },		\
		{ 6, "protocol_error" },	\
		{ 7, "transport_lost" },	\
		{ 8, "logout_done" },		\
		{ 9, "login_refused" })

/* proto::session::SessionState */
#define iscsi_show_sess_state(state)		\
	__print_symbolic(state,			\
		{ 0, "free" },			\
		{ 1, "logged_in" },		\
		{ 2, "failed" },		\
		{ 3, "in_flush" },		\
		{ 4, "flushed" })

/* proto::session::SessionEvent */
#define iscsi_show_sess_event(event)		\
	__print_symbolic(event,			\
		{ 0, "connection_up" },		\
		{ 1, "connection_closed" },	\
		{ 2, "connection_failed" },	\
		{ 3, "give_up" },		\
		{ 4, "parameters_changed" })

/* linux::trace::Fault */
#define iscsi_show_fault(fault)			\
	__print_symbolic(fault,			\
		{ 0, "transport" },		\
		{ 1, "protocol" },		\
		{ 2, "header_digest" },		\
		{ 3, "data_digest" },		\
		{ 4, "timeout" },		\
		{ 5, "reject" },		\
		{ 6, "internal" })

/* The opcodes of RFC 7143 section 11.2.1.2 */
#define iscsi_show_opcode(opcode)		\
	__print_symbolic(opcode,		\
		{ 0x00, "nop_out" },		\
		{ 0x01, "scsi_command" },	\
		{ 0x02, "task_request" },	\
		{ 0x03, "login_request" },	\
		{ 0x04, "text_request" },	\
		{ 0x05, "data_out" },		\
		{ 0x06, "logout_request" },	\
		{ 0x10, "snack" },		\
		{ 0x20, "nop_in" },		\
		{ 0x21, "scsi_response" },	\
		{ 0x22, "task_response" },	\
		{ 0x23, "login_response" },	\
		{ 0x24, "text_response" },	\
		{ 0x25, "data_in" },		\
		{ 0x26, "logout_response" },	\
		{ 0x31, "r2t" },		\
		{ 0x32, "async_message" },	\
		{ 0x3f, "reject" })

/* A command has taken an event. The tag is its initiator task tag, 0xffffffff before it has one. */
TRACE_EVENT(iscsi_cmd_state,
	TP_PROTO(u32 session, u32 itt, u8 kind, u8 old, u8 event, u8 new),
	TP_ARGS(session, itt, kind, old, event, new),
	TP_STRUCT__entry(
		__field(u32, session)
		__field(u32, itt)
		__field(u8, kind)
		__field(u8, old)
		__field(u8, event)
		__field(u8, new)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->itt = itt;
		__entry->kind = kind;
		__entry->old = old;
		__entry->event = event;
		__entry->new = new;
	),
	TP_printk("session=%u itt=%#x kind=%s old=%s event=%s new=%s",
		  __entry->session, __entry->itt,
		  iscsi_show_cmd_kind(__entry->kind),
		  iscsi_show_cmd_state(__entry->old),
		  iscsi_show_cmd_event(__entry->event),
		  iscsi_show_cmd_state(__entry->new))
);

/* A connection has taken an event. */
TRACE_EVENT(iscsi_conn_state,
	TP_PROTO(u32 session, u16 cid, u8 old, u8 event, u8 new),
	TP_ARGS(session, cid, old, event, new),
	TP_STRUCT__entry(
		__field(u32, session)
		__field(u16, cid)
		__field(u8, old)
		__field(u8, event)
		__field(u8, new)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->cid = cid;
		__entry->old = old;
		__entry->event = event;
		__entry->new = new;
	),
	TP_printk("session=%u cid=%u old=%s event=%s new=%s",
		  __entry->session, __entry->cid,
		  iscsi_show_conn_state(__entry->old),
		  iscsi_show_conn_event(__entry->event),
		  iscsi_show_conn_state(__entry->new))
);

/* A session has taken an event. */
TRACE_EVENT(iscsi_sess_state,
	TP_PROTO(u32 session, u8 old, u8 event, u8 new),
	TP_ARGS(session, old, event, new),
	TP_STRUCT__entry(
		__field(u32, session)
		__field(u8, old)
		__field(u8, event)
		__field(u8, new)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->old = old;
		__entry->event = event;
		__entry->new = new;
	),
	TP_printk("session=%u old=%s event=%s new=%s",
		  __entry->session,
		  iscsi_show_sess_state(__entry->old),
		  iscsi_show_sess_event(__entry->event),
		  iscsi_show_sess_state(__entry->new))
);

/* A PDU has been handed to the socket. Fields that its header does not have are zero. */
TRACE_EVENT(iscsi_pdu_tx,
	TP_PROTO(u32 session, u16 cid, u8 opcode, u32 itt, u32 cmd_sn, u32 exp_stat_sn, u32 length),
	TP_ARGS(session, cid, opcode, itt, cmd_sn, exp_stat_sn, length),
	TP_STRUCT__entry(
		__field(u32, session)
		__field(u32, itt)
		__field(u32, cmd_sn)
		__field(u32, exp_stat_sn)
		__field(u32, length)
		__field(u16, cid)
		__field(u8, opcode)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->itt = itt;
		__entry->cmd_sn = cmd_sn;
		__entry->exp_stat_sn = exp_stat_sn;
		__entry->length = length;
		__entry->cid = cid;
		__entry->opcode = opcode;
	),
	TP_printk("session=%u cid=%u opcode=%s itt=%#x cmd_sn=%u exp_stat_sn=%u length=%u",
		  __entry->session, __entry->cid,
		  iscsi_show_opcode(__entry->opcode),
		  __entry->itt, __entry->cmd_sn, __entry->exp_stat_sn, __entry->length)
);

/* The header of a PDU has been received. Fields that it does not have are zero. */
TRACE_EVENT(iscsi_pdu_rx,
	TP_PROTO(u32 session, u16 cid, u8 opcode, u32 itt, u32 stat_sn, u32 exp_cmd_sn,
		 u32 max_cmd_sn, u32 length),
	TP_ARGS(session, cid, opcode, itt, stat_sn, exp_cmd_sn, max_cmd_sn, length),
	TP_STRUCT__entry(
		__field(u32, session)
		__field(u32, itt)
		__field(u32, stat_sn)
		__field(u32, exp_cmd_sn)
		__field(u32, max_cmd_sn)
		__field(u32, length)
		__field(u16, cid)
		__field(u8, opcode)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->itt = itt;
		__entry->stat_sn = stat_sn;
		__entry->exp_cmd_sn = exp_cmd_sn;
		__entry->max_cmd_sn = max_cmd_sn;
		__entry->length = length;
		__entry->cid = cid;
		__entry->opcode = opcode;
	),
	TP_printk("session=%u cid=%u opcode=%s itt=%#x stat_sn=%u exp_cmd_sn=%u max_cmd_sn=%u length=%u",
		  __entry->session, __entry->cid,
		  iscsi_show_opcode(__entry->opcode),
		  __entry->itt, __entry->stat_sn, __entry->exp_cmd_sn, __entry->max_cmd_sn,
		  __entry->length)
);

/* The target has answered a login request, with the status of RFC 7143 section 11.13.5. */
TRACE_EVENT(iscsi_login,
	TP_PROTO(u32 session, u16 cid, u8 status_class, u8 status_detail, u16 tsih),
	TP_ARGS(session, cid, status_class, status_detail, tsih),
	TP_STRUCT__entry(
		__field(u32, session)
		__field(u16, cid)
		__field(u16, tsih)
		__field(u8, status_class)
		__field(u8, status_detail)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->cid = cid;
		__entry->tsih = tsih;
		__entry->status_class = status_class;
		__entry->status_detail = status_detail;
	),
	TP_printk("session=%u cid=%u status=%02x%02x tsih=%u",
		  __entry->session, __entry->cid,
		  __entry->status_class, __entry->status_detail, __entry->tsih)
);

/*
 * Something went wrong on a connection. The detail depends on the fault: see linux/trace.rs. The reason is
 * the sentence that operators read, length bytes without a null.
 */
TRACE_EVENT(iscsi_fault,
	TP_PROTO(u32 session, u16 cid, u8 fault, s32 detail, const char *reason, u32 length),
	TP_ARGS(session, cid, fault, detail, reason, length),
	TP_STRUCT__entry(
		__field(u32, session)
		__field(s32, detail)
		__field(u16, cid)
		__field(u8, fault)
		__string_len(reason, reason, length)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->detail = detail;
		__entry->cid = cid;
		__entry->fault = fault;
		__assign_str(reason);
	),
	TP_printk("session=%u cid=%u fault=%s detail=%d reason=\"%s\"",
		  __entry->session, __entry->cid,
		  iscsi_show_fault(__entry->fault), __entry->detail, __get_str(reason))
);

#endif /* _TRACE_ISCSI_INITIATOR_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
