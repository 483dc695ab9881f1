//! The caller's deadline, which gRPC sends as a time that is left.

use tonic::metadata::MetadataMap;

/// What is left for a call by its `grpc-timeout`, in milliseconds; `default_ms` when it says nothing readable.
pub fn remaining_ms(metadata: &MetadataMap, default_ms: u64) -> u64 {
    let text = metadata.get("grpc-timeout").and_then(|value| value.to_str().ok());
    text.and_then(parse).unwrap_or(default_ms)
}

/// At most eight digits and a unit.
fn parse(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(number * 3_600_000),
        'M' => Some(number * 60_000),
        'S' => Some(number * 1_000),
        'm' => Some(number),
        'u' => Some(number / 1_000),
        'n' => Some(number / 1_000_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit_and_falls_back_on_nonsense() {
        let cases = [
            ("1H", 3_600_000),
            ("2M", 120_000),
            ("10S", 10_000),
            ("499m", 499),
            ("9999u", 9),
            ("99999999n", 99),
            ("", 7),
            ("S", 7),
            ("1", 7),
            ("-1S", 7),
            ("123456789S", 7),
            ("1秒", 7),
        ];
        for (text, expected) in cases {
            let mut metadata = MetadataMap::new();
            let value = tonic::metadata::AsciiMetadataValue::try_from(text.as_bytes());
            metadata.insert("grpc-timeout", value.expect("a header"));
            assert_eq!(remaining_ms(&metadata, 7), expected, "{text}");
        }
        assert_eq!(remaining_ms(&MetadataMap::new(), 7), 7);
    }
}
