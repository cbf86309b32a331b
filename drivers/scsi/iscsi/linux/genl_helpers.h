/* SPDX-License-Identifier: GPL-2.0 */
/* Inline functions of net/genetlink.h and net/netlink.h, as functions that Rust can call. */
#ifndef _ISCSI_LINUX_GENL_HELPERS_H
#define _ISCSI_LINUX_GENL_HELPERS_H

#include <net/genetlink.h>
#include <net/netlink.h>

#include "generated/genl.h"

bool iscsi_helper_genl_has_listeners(const struct genl_family *family, struct net *net,
				     unsigned int group);
const struct genl_dumpit_info *iscsi_helper_genl_dumpit_info(struct netlink_callback *cb);
void iscsi_helper_genl_dump_check_consistent(struct netlink_callback *cb, void *user_hdr);
void iscsi_helper_genlmsg_cancel(struct sk_buff *skb, void *hdr);
void iscsi_helper_genlmsg_end(struct sk_buff *skb, void *hdr);
int iscsi_helper_genlmsg_multicast(const struct genl_family *family, struct sk_buff *skb,
				   u32 portid, unsigned int group, gfp_t flags);
struct sk_buff *iscsi_helper_genlmsg_new(size_t payload, gfp_t flags);
int iscsi_helper_genlmsg_reply(struct sk_buff *skb, struct genl_info *info);

void iscsi_helper_nla_nest_cancel(struct sk_buff *skb, struct nlattr *start);
int iscsi_helper_nla_nest_end(struct sk_buff *skb, struct nlattr *start);
struct nlattr *iscsi_helper_nla_nest_start(struct sk_buff *skb, int attrtype);
void iscsi_helper_nlmsg_free(struct sk_buff *skb);

#endif /* _ISCSI_LINUX_GENL_HELPERS_H */
