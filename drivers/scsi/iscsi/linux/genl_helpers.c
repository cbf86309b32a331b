// SPDX-License-Identifier: GPL-2.0
/* One line per inline function that Rust needs; no logic. */
#include <linux/module.h>

#include "genl_helpers.h"

/* Loads the module when somebody asks for its family. */
MODULE_ALIAS_GENL_FAMILY(ISCSI_FAMILY_NAME);

/* net/genetlink.h */

bool iscsi_helper_genl_has_listeners(const struct genl_family *family, struct net *net,
				     unsigned int group)
{
	return genl_has_listeners(family, net, group);
}

const struct genl_dumpit_info *iscsi_helper_genl_dumpit_info(struct netlink_callback *cb)
{
	return genl_dumpit_info(cb);
}

void iscsi_helper_genl_dump_check_consistent(struct netlink_callback *cb, void *user_hdr)
{
	genl_dump_check_consistent(cb, user_hdr);
}

void iscsi_helper_genlmsg_cancel(struct sk_buff *skb, void *hdr)
{
	genlmsg_cancel(skb, hdr);
}

void iscsi_helper_genlmsg_end(struct sk_buff *skb, void *hdr)
{
	genlmsg_end(skb, hdr);
}

int iscsi_helper_genlmsg_multicast(const struct genl_family *family, struct sk_buff *skb,
				   u32 portid, unsigned int group, gfp_t flags)
{
	return genlmsg_multicast(family, skb, portid, group, flags);
}

struct sk_buff *iscsi_helper_genlmsg_new(size_t payload, gfp_t flags)
{
	return genlmsg_new(payload, flags);
}

int iscsi_helper_genlmsg_reply(struct sk_buff *skb, struct genl_info *info)
{
	return genlmsg_reply(skb, info);
}

/* net/netlink.h */

void iscsi_helper_nla_nest_cancel(struct sk_buff *skb, struct nlattr *start)
{
	nla_nest_cancel(skb, start);
}

int iscsi_helper_nla_nest_end(struct sk_buff *skb, struct nlattr *start)
{
	return nla_nest_end_safe(skb, start);
}

struct nlattr *iscsi_helper_nla_nest_start(struct sk_buff *skb, int attrtype)
{
	return nla_nest_start(skb, attrtype);
}

void iscsi_helper_nlmsg_free(struct sk_buff *skb)
{
	nlmsg_free(skb);
}
