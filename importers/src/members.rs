//! The members of a JSON object that an importer looks at, each as its exact text, the rest skipped.
//!
//! ```text
//! members!(Record { time: "eventTime", name: "eventName" | "EventName" })
//! {"eventTime":"..","other":{..},"eventName":12}   ->   time: Some("\"..\""), name: Some("12")
//! ```
//!
//! Nothing is decoded before it is asked for, and nothing is refused for its type: a number where a string was expected
//! is its text, an object where a string was expected is absent. Integers of any size stay exact. Where a key comes
//! twice the last one counts, as most parsers have it.
//!
//! Invariants: members borrow from the record; nothing recurses.

use std::borrow::Cow;

use serde_json::value::RawValue;

use indelible::event::Text;

/// A member that may be absent.
pub(crate) type Raw<'a> = Option<&'a RawValue>;

/// Declares a struct of [`Raw`] members and how it is read.
macro_rules! members {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $($key:literal)|+),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy)]
        pub(crate) struct $name<'a> {
            $(pub(crate) $field: $crate::members::Raw<'a>,)+
        }

        impl<'a> $name<'a> {
            /// Reads an object; anything else is an error.
            pub(crate) fn read(json: &'a str) -> Result<Self, serde_json::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a JSON object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut members = $name::default();
                        while let Some(key) = map.next_key::<indelible::event::Text<'de>>()? {
                            match key.as_str() {
                                $($($key)|+ => members.$field = Some(map.next_value()?),)+
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(members)
                    }
                }
                let mut deserializer = serde_json::Deserializer::from_str(json);
                let members = serde::Deserializer::deserialize_map(&mut deserializer, Visitor)?;
                deserializer.end()?;
                Ok(members)
            }

            /// Takes from `other` what is absent here.
            #[allow(dead_code, reason = "most formats have one object")]
            pub(crate) fn fill_from(&mut self, other: &Self) {
                $(self.$field = self.$field.or(other.$field);)+
            }

            /// Reads a member that should be an object; anything else is the same as an empty one.
            #[allow(dead_code, reason = "not every set of members is nested in another")]
            pub(crate) fn nested(raw: $crate::members::Raw<'a>) -> Self {
                raw.and_then(|raw| Self::read(raw.get()).ok()).unwrap_or_default()
            }
        }
    };
}
pub(crate) use members;

/// A string, a number or a boolean as text; `None` for what is absent, null, empty, an object or an array.
pub(crate) fn text(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    let json = raw?.get();
    let text = match json.as_bytes().first()? {
        b'{' | b'[' | b'n' => return None,
        b'"' => {
            let inner = json.get(1..json.len().checked_sub(1)?)?;
            if inner.contains('\\') { serde_json::from_str::<Text<'_>>(json).ok()?.0 } else { Cow::Borrowed(inner) }
        }
        _ => Cow::Borrowed(json),
    };
    (!text.is_empty()).then_some(text)
}

/// As [`text`], owned.
pub(crate) fn owned(raw: Raw<'_>) -> Option<String> {
    text(raw).map(Cow::into_owned)
}

/// Whether a member has this text.
pub(crate) fn is(raw: Raw<'_>, wanted: &str) -> bool {
    text(raw).is_some_and(|text| text == wanted)
}

/// The elements of an array; none for anything else.
pub(crate) fn elements(raw: Raw<'_>) -> Vec<&RawValue> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    members!(Sample { a: "a" | "A", n: "n", list: "list" });

    #[test]
    fn members_keep_their_exact_text() {
        let json = r#"{"x":{"a":1},"a":"1","n":-9223372036854775809,"A":"q\u0041\ud800","list":[1, "b",{}]}"#;
        let read = Sample::read(json).expect("an object");
        assert_eq!(text(read.a).as_deref(), Some("qA\\ud800"), "the last one counts");
        assert_eq!(text(read.n).as_deref(), Some("-9223372036854775809"));
        assert_eq!(text(read.list), None);
        assert_eq!(elements(read.list).iter().map(|raw| raw.get()).collect::<Vec<_>>(), ["1", "\"b\"", "{}"]);
        assert!(elements(read.n).is_empty());
        assert!(Sample::read("[]").is_err());
        assert!(Sample::read("{} {}").is_err());
        assert!(Sample::nested(read.list).a.is_none());
        for absent in [r#"{"a":null}"#, r#"{"a":""}"#, r#"{"a":{}}"#, "{}"] {
            assert_eq!(text(Sample::read(absent).expect("an object").a), None);
        }
    }
}
