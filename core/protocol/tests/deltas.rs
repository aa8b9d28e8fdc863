//! Deltas: only what a known key signed is read, to the last bit.

use shelfscan_protocol::{Delta, DeltaError, DeltaHead, PublicKey, SecretKey, Sha256, Sku};

fn delta() -> Delta {
    let sku =
        Sku { id: "spezi-033".into(), name: "Spezi 0.33 l".into(), container: Some("bottle".into()), barcode: None };
    Delta {
        head: DeltaHead {
            schema: 1,
            bundle: "drinks".into(),
            from: Some(Sha256::of(b"old")),
            to: Sha256::of(b"new"),
            embedder: Sha256::of(b"embedder"),
            made_at: 1_790_000_000_000,
            skus: vec![sku],
            removed: vec!["gone".into()],
        },
        vectors: b"an index".to_vec(),
    }
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32])
}

#[test]
fn a_signed_delta_comes_back_as_it_was_made() {
    let signed = delta().sign(&key(1)).unwrap();
    let keys = [key(2).public(), key(1).public()];
    assert_eq!(Delta::verify(&signed, &keys), Ok(delta()));
}

#[test]
fn every_changed_bit_and_every_cut_is_refused() {
    let signed = delta().sign(&key(1)).unwrap();
    let keys = [key(1).public()];
    for bit in 0..signed.len() * 8 {
        let mut changed = signed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let error = Delta::verify(&changed, &keys).unwrap_err();
        let named = matches!(error, DeltaError::Magic | DeltaError::UnknownKey(_) | DeltaError::Signature);
        assert!(named, "bit {bit}: {error}");
    }
    for length in 0..signed.len() {
        assert!(Delta::verify(&signed[..length], &keys).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn other_keys_are_named() {
    let signed = delta().sign(&key(1)).unwrap();
    assert_eq!(Delta::verify(&signed, &[key(2).public()]), Err(DeltaError::UnknownKey(key(1).public().id())));
    assert_eq!(Delta::verify(&signed, &[]), Err(DeltaError::UnknownKey(key(1).public().id())));
}

#[test]
fn what_a_delta_may_not_hold_is_not_signed() {
    let mut twice = delta();
    twice.head.removed.push("spezi-033".into());
    let mut unnamed = delta();
    unnamed.head.skus[0].name.clear();
    for (delta, words) in [(twice, "`spezi-033` is given twice"), (unnamed, "skus.name: 0 bytes")] {
        let error = delta.sign(&key(1)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// RFC 8032, section 7.1, test 1: the same key and message as everybody's.
#[test]
fn keys_are_plain_ed25519() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed: Sha256 = seed.parse().unwrap();
    let public = SecretKey::from_seed(seed.0).public();
    assert_eq!(public.to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(public.to_string().parse(), Ok(public));
    assert!("d75a".parse::<PublicKey>().is_err());
    // A point of small order, for which anybody can sign.
    assert!(format!("01{}", "0".repeat(62)).parse::<PublicKey>().is_err());
}
