// SPDX-License-Identifier: GPL-2.0

//! What sysfs tells: interfaces by name and number, SCSI devices by address.

use std::fs;
use std::path::PathBuf;

use iscsi_proto::proto::address::{
    IpAddress,
    Portal,
    ISCSI_PORT, //
};

use crate::model::Lun;

/// Where sysfs is.
#[derive(Clone, Debug)]
pub(crate) struct System {
    sysfs: PathBuf,
}

impl Default for System {
    fn default() -> Self {
        Self::at("/sys")
    }
}

/// What sysfs says about a logical unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScsiDevice {
    pub(crate) vendor: Option<String>,
    pub(crate) product: Option<String>,
    /// The path of its device node, if a driver has taken it.
    pub(crate) node: Option<String>,
}

impl System {
    /// A tree that looks like sysfs.
    pub(crate) fn at(sysfs: impl Into<PathBuf>) -> Self {
        Self {
            sysfs: sysfs.into(),
        }
    }

    /// The index of an interface.
    pub(crate) fn interface_index(&self, name: &str) -> Option<u32> {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return None;
        }
        let path = self.sysfs.join("class/net").join(name).join("ifindex");
        fs::read_to_string(path).ok()?.trim().parse().ok()
    }

    /// The name of an interface.
    fn interface_name(&self, index: u32) -> Option<String> {
        let entries = fs::read_dir(self.sysfs.join("class/net")).ok()?;
        entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .find(|name| self.interface_index(name) == Some(index))
    }

    /// Whether the interface of a portal exists; true if it has none.
    pub(crate) fn has_interface(&self, portal: &Portal) -> bool {
        match portal.address {
            IpAddress::V6 { scope, .. } if scope != 0 => self.interface_name(scope).is_some(),
            IpAddress::V4(_) | IpAddress::V6 { .. } => true,
        }
    }

    /// The interface that a portal is given with, if it does not exist and nothing else is wrong.
    pub(crate) fn missing_interface(&self, portal: &str) -> Option<String> {
        let mut missing = None;
        let other = |name: &str| {
            missing = Some(name.to_owned());
            Some(1)
        };
        Portal::parse_with(portal, ISCSI_PORT, other).ok()?;
        missing.filter(|name| !name.is_empty() && self.interface_index(name).is_none())
    }

    /// As [`missing_interface`](Self::missing_interface): the portal with some number in its place.
    pub(crate) fn without_interface(&self, portal: &str) -> Option<Portal> {
        self.missing_interface(portal)?;
        Portal::parse_with(portal, ISCSI_PORT, |_| Some(1)).ok()
    }

    /// A portal as users write it: with the name of its interface, which, unlike the number, is
    /// the same after a reboot.
    pub(crate) fn portal_text(&self, portal: &Portal) -> String {
        match portal.address {
            IpAddress::V6 { octets, scope } if scope != 0 => {
                let plain = IpAddress::V6 { octets, scope: 0 };
                let zone = self
                    .interface_name(scope)
                    .unwrap_or_else(|| scope.to_string());
                format!("[{plain}%{zone}]:{}", portal.port)
            }
            IpAddress::V4(_) | IpAddress::V6 { .. } => portal.to_string(),
        }
    }

    fn device_directory(&self, lun: &Lun) -> PathBuf {
        let address = format!("{}:{}:{}:{}", lun.host, lun.channel, lun.id, lun.lun);
        self.sysfs
            .join("class/scsi_device")
            .join(address)
            .join("device")
    }

    /// Whether a logical unit is a disk that its driver has not taken yet.
    pub(crate) fn is_waiting_for_its_driver(&self, lun: &Lun) -> bool {
        // The types that sd takes, by their numbers in SPC: disks of several kinds.
        let disk = fs::read_to_string(self.device_directory(lun).join("type"))
            .is_ok_and(|text| matches!(text.trim(), "0" | "7" | "14" | "20"));
        disk && self.scsi_device(lun).node.is_none()
    }

    /// What is known about a logical unit.
    pub(crate) fn scsi_device(&self, lun: &Lun) -> ScsiDevice {
        let device = self.device_directory(lun);
        let text = |name: &str| {
            let text = fs::read_to_string(device.join(name)).ok()?;
            Some(text.trim_end().to_owned())
        };
        let first = |class: &str| {
            let entries = fs::read_dir(device.join(class)).ok()?;
            let mut names: Vec<String> = entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect();
            names.sort();
            names.into_iter().next()
        };
        ScsiDevice {
            vendor: text("vendor"),
            product: text("model"),
            node: ["block", "scsi_tape"]
                .into_iter()
                .find_map(first)
                .map(|name| format!("/dev/{name}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn interfaces_are_found_both_ways() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path().join("class/net/eth0/ifindex"), "2\n");
        let system = System::at(dir.path());
        assert_eq!(system.interface_index("eth0"), Some(2));
        for name in ["eth1", "", ".", "..", "../net/eth0"] {
            assert_eq!(system.interface_index(name), None);
        }
        let portal = Portal::parse("[fe80::1%2]:3260", 1).unwrap();
        assert_eq!(system.portal_text(&portal), "[fe80::1%eth0]:3260");
        let gone = Portal::parse("[fe80::1%3]:3260", 1).unwrap();
        assert_eq!(system.portal_text(&gone), "[fe80::1%3]:3260");
        let plain = Portal::parse("[::1]:3260", 1).unwrap();
        assert_eq!(system.portal_text(&plain), "[::1]:3260");
        let missing = |portal| system.missing_interface(portal);
        assert_eq!(missing("[fe80::1%eth1]:3260").as_deref(), Some("eth1"));
        for portal in ["[fe80::1%eth0]", "[fe80::1%eth1]:0", "[fe80::1%]", "[::1]"] {
            assert_eq!(missing(portal), None, "{portal}");
        }
    }

    #[test]
    fn a_device_has_what_its_driver_gave_it() {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().join("class/scsi_device/3:0:0:1/device");
        write(device.join("vendor"), "LIO-ORG \n");
        write(device.join("model"), "disk1           \n");
        write(device.join("block/sdb/size"), "0");
        let system = System::at(dir.path());
        let mut lun = Lun {
            session_id: 1,
            host: 3,
            channel: 0,
            id: 0,
            lun: 1,
        };
        assert_eq!(
            system.scsi_device(&lun),
            ScsiDevice {
                vendor: Some("LIO-ORG".to_owned()),
                product: Some("disk1".to_owned()),
                node: Some("/dev/sdb".to_owned()),
            }
        );
        write(device.join("type"), "0\n");
        assert!(!system.is_waiting_for_its_driver(&lun));
        fs::remove_dir_all(device.join("block")).unwrap();
        assert!(system.is_waiting_for_its_driver(&lun));
        write(device.join("type"), "12\n");
        assert!(!system.is_waiting_for_its_driver(&lun));
        lun.lun = 2;
        assert_eq!(system.scsi_device(&lun), ScsiDevice::default());
        assert!(!system.is_waiting_for_its_driver(&lun));
    }
}
