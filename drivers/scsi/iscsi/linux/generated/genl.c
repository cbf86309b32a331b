// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/iscsi.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: scripts/regen */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "genl.h"

#include <uapi/scsi/iscsi_initiator.h>

/* Common nested types */
const struct nla_policy iscsi_login_params_nl_policy[ISCSI_A_LOGIN_PARAMS_TARGET_MAX_RECV_DATA_SEGMENT_LENGTH + 1] = {
	[ISCSI_A_LOGIN_PARAMS_HEADER_DIGEST] = NLA_POLICY_MAX(NLA_U32, 1),
	[ISCSI_A_LOGIN_PARAMS_DATA_DIGEST] = NLA_POLICY_MAX(NLA_U32, 1),
	[ISCSI_A_LOGIN_PARAMS_MAX_RECV_DATA_SEGMENT_LENGTH] = { .type = NLA_U32, },
	[ISCSI_A_LOGIN_PARAMS_MAX_BURST_LENGTH] = { .type = NLA_U32, },
	[ISCSI_A_LOGIN_PARAMS_FIRST_BURST_LENGTH] = { .type = NLA_U32, },
	[ISCSI_A_LOGIN_PARAMS_INITIAL_R2T] = { .type = NLA_U8, },
	[ISCSI_A_LOGIN_PARAMS_IMMEDIATE_DATA] = { .type = NLA_U8, },
	[ISCSI_A_LOGIN_PARAMS_DATA_PDU_IN_ORDER] = { .type = NLA_U8, },
	[ISCSI_A_LOGIN_PARAMS_DATA_SEQUENCE_IN_ORDER] = { .type = NLA_U8, },
	[ISCSI_A_LOGIN_PARAMS_DEFAULT_TIME2WAIT] = { .type = NLA_U32, },
	[ISCSI_A_LOGIN_PARAMS_DEFAULT_TIME2RETAIN] = { .type = NLA_U32, },
	[ISCSI_A_LOGIN_PARAMS_MAX_OUTSTANDING_R2T] = { .type = NLA_U32, },
	[ISCSI_A_LOGIN_PARAMS_MAX_CONNECTIONS] = { .type = NLA_U32, },
	[ISCSI_A_LOGIN_PARAMS_ERROR_RECOVERY_LEVEL] = { .type = NLA_U32, },
	[ISCSI_A_LOGIN_PARAMS_TARGET_MAX_RECV_DATA_SEGMENT_LENGTH] = { .type = NLA_U32, },
};

const struct nla_policy iscsi_portal_nl_policy[ISCSI_A_PORTAL_PORT + 1] = {
	[ISCSI_A_PORTAL_IPV4] = { .type = NLA_BE32, },
	[ISCSI_A_PORTAL_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[ISCSI_A_PORTAL_SCOPE_ID] = { .type = NLA_U32, },
	[ISCSI_A_PORTAL_PORT] = { .type = NLA_U16, },
};

const struct nla_policy iscsi_static_pattern_nl_policy[ISCSI_A_STATIC_CONFIG_TPGT + 1] = {
	[ISCSI_A_STATIC_CONFIG_TARGET_NAME] = { .type = NLA_NUL_STRING, },
	[ISCSI_A_STATIC_CONFIG_PORTAL] = NLA_POLICY_NESTED(iscsi_portal_nl_policy),
	[ISCSI_A_STATIC_CONFIG_TPGT] = { .type = NLA_U16, },
};

/* ISCSI_CMD_INITIATOR_SET - do */
static const struct nla_policy iscsi_initiator_set_nl_policy[ISCSI_A_INITIATOR_CONFIGURED + 1] = {
	[ISCSI_A_INITIATOR_NODE_NAME] = { .type = NLA_NUL_STRING, },
	[ISCSI_A_INITIATOR_NODE_ALIAS] = { .type = NLA_NUL_STRING, },
	[ISCSI_A_INITIATOR_HEADER_DIGEST] = NLA_POLICY_MAX(NLA_U32, 1),
	[ISCSI_A_INITIATOR_DATA_DIGEST] = NLA_POLICY_MAX(NLA_U32, 1),
	[ISCSI_A_INITIATOR_CONFIGURED] = { .type = NLA_FLAG, },
};

/* ISCSI_CMD_DISCOVERY_SET - do */
static const struct nla_policy iscsi_discovery_set_nl_policy[ISCSI_A_DISCOVERY_STATIC + 1] = {
	[ISCSI_A_DISCOVERY_STATIC] = { .type = NLA_U8, },
};

/* ISCSI_CMD_STATIC_ADD - do */
static const struct nla_policy iscsi_static_add_nl_policy[ISCSI_A_STATIC_SELECTION_ENTRY + 1] = {
	[ISCSI_A_STATIC_SELECTION_ENTRY] = NLA_POLICY_NESTED(iscsi_static_pattern_nl_policy),
};

/* ISCSI_CMD_STATIC_DEL - do */
static const struct nla_policy iscsi_static_del_nl_policy[ISCSI_A_STATIC_SELECTION_ENTRY + 1] = {
	[ISCSI_A_STATIC_SELECTION_ENTRY] = NLA_POLICY_NESTED(iscsi_static_pattern_nl_policy),
};

/* ISCSI_CMD_TARGET_PARAM_GET - do */
static const struct nla_policy iscsi_target_param_get_nl_policy[ISCSI_A_TARGET_PARAM_TARGET_NAME + 1] = {
	[ISCSI_A_TARGET_PARAM_TARGET_NAME] = { .type = NLA_NUL_STRING, },
};

/* ISCSI_CMD_TARGET_PARAM_SET - do */
static const struct nla_policy iscsi_target_param_set_nl_policy[ISCSI_A_TARGET_PARAM_CHANGE_TARGET_NAME + 1] = {
	[ISCSI_A_TARGET_PARAM_CHANGE_CONFIGURED] = NLA_POLICY_NESTED(iscsi_login_params_nl_policy),
	[ISCSI_A_TARGET_PARAM_CHANGE_TARGET_NAME] = { .type = NLA_STRING, },
};

/* ISCSI_CMD_TARGET_PARAM_DEL - do */
static const struct nla_policy iscsi_target_param_del_nl_policy[ISCSI_A_TARGET_PARAM_TARGET_NAME + 1] = {
	[ISCSI_A_TARGET_PARAM_TARGET_NAME] = { .type = NLA_NUL_STRING, },
};

/* ISCSI_CMD_TARGET_RESCAN - do */
static const struct nla_policy iscsi_target_rescan_nl_policy[ISCSI_A_TARGET_TARGET_NAME + 1] = {
	[ISCSI_A_TARGET_TARGET_NAME] = { .type = NLA_NUL_STRING, },
};

/* ISCSI_CMD_LUN_GET - dump */
static const struct nla_policy iscsi_lun_get_nl_policy[ISCSI_A_LUN_SESSION_ID + 1] = {
	[ISCSI_A_LUN_SESSION_ID] = { .type = NLA_U32, },
};

/* Ops table for iscsi */
static const struct genl_split_ops iscsi_nl_ops[] = {
	{
		.cmd	= ISCSI_CMD_INITIATOR_GET,
		.doit	= iscsi_nl_initiator_get_doit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ISCSI_CMD_INITIATOR_SET,
		.doit		= iscsi_nl_initiator_set_doit,
		.policy		= iscsi_initiator_set_nl_policy,
		.maxattr	= ISCSI_A_INITIATOR_CONFIGURED,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= ISCSI_CMD_DISCOVERY_GET,
		.doit	= iscsi_nl_discovery_get_doit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ISCSI_CMD_DISCOVERY_SET,
		.doit		= iscsi_nl_discovery_set_doit,
		.policy		= iscsi_discovery_set_nl_policy,
		.maxattr	= ISCSI_A_DISCOVERY_STATIC,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ISCSI_CMD_STATIC_ADD,
		.doit		= iscsi_nl_static_add_doit,
		.policy		= iscsi_static_add_nl_policy,
		.maxattr	= ISCSI_A_STATIC_SELECTION_ENTRY,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ISCSI_CMD_STATIC_DEL,
		.doit		= iscsi_nl_static_del_doit,
		.policy		= iscsi_static_del_nl_policy,
		.maxattr	= ISCSI_A_STATIC_SELECTION_ENTRY,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= ISCSI_CMD_STATIC_GET,
		.dumpit	= iscsi_nl_static_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= ISCSI_CMD_TARGET_PARAM_GET,
		.doit		= iscsi_nl_target_param_get_doit,
		.policy		= iscsi_target_param_get_nl_policy,
		.maxattr	= ISCSI_A_TARGET_PARAM_TARGET_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= ISCSI_CMD_TARGET_PARAM_GET,
		.dumpit	= iscsi_nl_target_param_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= ISCSI_CMD_TARGET_PARAM_SET,
		.doit		= iscsi_nl_target_param_set_doit,
		.policy		= iscsi_target_param_set_nl_policy,
		.maxattr	= ISCSI_A_TARGET_PARAM_CHANGE_TARGET_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ISCSI_CMD_TARGET_PARAM_DEL,
		.doit		= iscsi_nl_target_param_del_doit,
		.policy		= iscsi_target_param_del_nl_policy,
		.maxattr	= ISCSI_A_TARGET_PARAM_TARGET_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= ISCSI_CMD_TARGET_GET,
		.dumpit	= iscsi_nl_target_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= ISCSI_CMD_TARGET_RESCAN,
		.doit		= iscsi_nl_target_rescan_doit,
		.policy		= iscsi_target_rescan_nl_policy,
		.maxattr	= ISCSI_A_TARGET_TARGET_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ISCSI_CMD_LUN_GET,
		.dumpit		= iscsi_nl_lun_get_dumpit,
		.policy		= iscsi_lun_get_nl_policy,
		.maxattr	= ISCSI_A_LUN_SESSION_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
};

static const struct genl_multicast_group iscsi_nl_mcgrps[] = {
	[ISCSI_NLGRP_EVENTS] = { "events", GENL_MCAST_CAP_NET_ADMIN, },
};

struct genl_family iscsi_nl_family __ro_after_init = {
	.name		= ISCSI_FAMILY_NAME,
	.version	= ISCSI_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= iscsi_nl_ops,
	.n_split_ops	= ARRAY_SIZE(iscsi_nl_ops),
	.mcgrps		= iscsi_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(iscsi_nl_mcgrps),
};
