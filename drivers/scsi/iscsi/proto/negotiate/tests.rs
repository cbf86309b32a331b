// SPDX-License-Identifier: GPL-2.0

use super::*;

/// A negotiation after our offer is sent.
fn offered(offer: Offer) -> Negotiation {
    let mut buffer = [0; 1024];
    let mut negotiation = Negotiation::new(offer, SessionType::Normal, None);
    negotiation
        .write_offer(&mut Writer::new(&mut buffer))
        .unwrap();
    negotiation
}

/// Feeds one operational pair to which an answer is possible; returns what we answered.
fn feed(negotiation: &mut Negotiation, key: &str, value: &str) -> Result<String, NegotiationError> {
    let mut buffer = [0; 512];
    let mut out = Writer::new(&mut buffer);
    let stage = NegotiationStage::Operational;
    negotiation.handle_pair(Pair { key, value }, stage, Reply::Possible, &mut out)?;
    Ok(String::from_utf8(out.as_bytes().to_vec()).unwrap())
}

#[test]
fn the_default_offer_is_that_of_the_table() {
    let (offer, negotiated) = (Offer::default(), Negotiated::default());
    assert_eq!(offer.check(), Ok(()));
    for &key in Key::ALL {
        assert_eq!(
            offer.get(key).is_some(),
            Key::VALUES.contains(&key),
            "{key}"
        );
        if Key::VALUES.contains(&key) {
            assert_eq!(offer.get(key), key.spec().default(), "{key}");
            assert_eq!(negotiated.get(key), key.spec().default(), "{key}");
        }
    }
}
