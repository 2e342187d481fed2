//! SHA-256 over bytes and over canonical JSON.

use sha2::{Digest, Sha256};

/// SHA-256 of `bytes`, as 64 hexadecimal digits.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a JSON value: `serde_json` writes objects with sorted keys and numbers in one shortest form.
pub fn of_json(value: &serde_json::Value) -> String {
    of_bytes(value.to_string().as_bytes())
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_digests_do_not_depend_on_key_order() {
        let a: serde_json::Value = serde_json::from_str(r#"{"b":1,"a":[1.5,2]}"#).unwrap();
        let b: serde_json::Value = serde_json::from_str(r#"{ "a":[1.5,2], "b":1 }"#).unwrap();
        assert_eq!(super::of_json(&a), super::of_json(&b));
    }
}
