/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/iscsi.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: scripts/regen */

#ifndef _LINUX_ISCSI_GEN_H
#define _LINUX_ISCSI_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/scsi/iscsi_initiator.h>

/* Common nested types */
extern const struct nla_policy iscsi_login_params_nl_policy[ISCSI_A_LOGIN_PARAMS_TARGET_MAX_RECV_DATA_SEGMENT_LENGTH + 1];
extern const struct nla_policy iscsi_portal_nl_policy[ISCSI_A_PORTAL_PORT + 1];
extern const struct nla_policy iscsi_static_pattern_nl_policy[ISCSI_A_STATIC_CONFIG_TPGT + 1];

int iscsi_nl_initiator_get_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_initiator_set_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_discovery_get_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_discovery_set_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_static_add_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_static_del_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_static_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int iscsi_nl_target_param_get_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_target_param_get_dumpit(struct sk_buff *skb,
				     struct netlink_callback *cb);
int iscsi_nl_target_param_set_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_target_param_del_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_target_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int iscsi_nl_target_rescan_doit(struct sk_buff *skb, struct genl_info *info);
int iscsi_nl_lun_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

enum {
	ISCSI_NLGRP_EVENTS,
};

extern struct genl_family iscsi_nl_family;

#endif /* _LINUX_ISCSI_GEN_H */
