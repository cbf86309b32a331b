// SPDX-License-Identifier: GPL-2.0

//! `list discovery`.

use serde::Serialize;

use super::{
    enabled,
    Listing, //
};
use crate::model::Discovery;

/// The discovery methods.
#[derive(Serialize)]
pub(crate) struct DiscoveryListing {
    #[serde(rename = "static")]
    static_targets: bool,
    sendtargets: bool,
    isns: bool,
}

impl From<Discovery> for DiscoveryListing {
    fn from(discovery: Discovery) -> Self {
        Self {
            static_targets: discovery.static_targets,
            sendtargets: false,
            isns: false,
        }
    }
}

impl Listing for DiscoveryListing {
    fn text(&self) -> String {
        format!(
            "Discovery:\n\tStatic: {}\n\tSend Targets: {}\n\tiSNS: {}\n",
            enabled(self.static_targets),
            enabled(self.sendtargets),
            enabled(self.isns)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meaning::Format;
    use crate::output::tests::documented;

    #[test]
    fn the_layout_is_the_documented_one() {
        let listing = DiscoveryListing::from(Discovery {
            static_targets: true,
        });
        assert_eq!(
            listing.print(Format::Text),
            "Discovery:\n\tStatic: enabled\n\tSend Targets: disabled\n\tiSNS: disabled\n"
        );
        assert_eq!(
            listing.print(Format::Json),
            "{\n  \"static\": true,\n  \"sendtargets\": false,\n  \"isns\": false\n}\n"
        );
        documented(&listing.print(Format::Json));
    }
}
