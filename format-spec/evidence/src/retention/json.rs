//! JSON objects read strictly: known members, each once, numbers that are integers from 0.
//!
//! ```text
//! text -> Object { members } -> text("name"), number("keep"), ... -> end(): nothing is left over
//! ```
//!
//! Invariants: a member that stands twice is refused at every depth, and so is a number with sign, fraction or exponent; so
//! two readers never take different values from one body. Writing escapes as JSON asks for and gives members in the order
//! they are put. Not here: what members mean.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::error::FormatError;

/// A JSON value as bodies know them.
enum Json {
    Null,
    Truth(bool),
    Number(u64),
    Text(String),
    List(Vec<Json>),
    Members(Vec<(String, Json)>),
}

/// An object whose members are taken out one by one.
pub(crate) struct Object {
    structure: &'static str,
    members: Vec<(String, Json)>,
}

impl Object {
    /// Reads a text that is one object.
    pub(crate) fn parse(structure: &'static str, text: &str) -> Result<Self, FormatError> {
        match serde_json::from_str(text) {
            Ok(Json::Members(members)) => Ok(Self { structure, members }),
            Ok(_) => Err(FormatError::invalid(structure, "body", 0, "not a JSON object")),
            Err(error) => Err(FormatError::invalid(structure, "body", error.column(), error.to_string())),
        }
    }

    fn take(&mut self, name: &'static str) -> Result<Json, FormatError> {
        let at = self.members.iter().position(|(found, _)| found == name);
        let at = at.ok_or_else(|| self.invalid(name, "the member is missing"))?;
        Ok(self.members.swap_remove(at).1)
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, FormatError> {
        match self.take(name)? {
            Json::Text(text) => Ok(text),
            _ => Err(self.invalid(name, "not a text")),
        }
    }

    /// A text or null.
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, FormatError> {
        match self.take(name)? {
            Json::Text(text) => Ok(Some(text)),
            Json::Null => Ok(None),
            _ => Err(self.invalid(name, "neither a text nor null")),
        }
    }

    /// An integer that fits.
    pub(crate) fn number<T: TryFrom<u64>>(&mut self, name: &'static str) -> Result<T, FormatError> {
        match self.take(name)? {
            Json::Number(number) => T::try_from(number).map_err(|_| self.invalid(name, "too large a number")),
            _ => Err(self.invalid(name, "not an integer from 0")),
        }
    }

    /// An integer or null.
    pub(crate) fn optional_number(&mut self, name: &'static str) -> Result<Option<u64>, FormatError> {
        match self.take(name)? {
            Json::Number(number) => Ok(Some(number)),
            Json::Null => Ok(None),
            _ => Err(self.invalid(name, "neither an integer from 0 nor null")),
        }
    }

    /// A list of integers that fit.
    pub(crate) fn numbers<T: TryFrom<u64>>(&mut self, name: &'static str) -> Result<Vec<T>, FormatError> {
        let mut numbers = Vec::new();
        for item in self.list(name)? {
            let Json::Number(number) = item else { return Err(self.invalid(name, "not a list of integers from 0")) };
            numbers.push(T::try_from(number).map_err(|_| self.invalid(name, "too large a number"))?);
        }
        Ok(numbers)
    }

    /// True or false.
    pub(crate) fn truth(&mut self, name: &'static str) -> Result<bool, FormatError> {
        match self.take(name)? {
            Json::Truth(truth) => Ok(truth),
            _ => Err(self.invalid(name, "neither true nor false")),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, FormatError> {
        let mut texts = Vec::new();
        for item in self.list(name)? {
            let Json::Text(text) = item else { return Err(self.invalid(name, "not a list of texts")) };
            texts.push(text);
        }
        Ok(texts)
    }

    /// An object or null; the object is read by `read` and left with no member over.
    pub(crate) fn optional_object<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&mut Object) -> Result<T, FormatError>,
    ) -> Result<Option<T>, FormatError> {
        let members = match self.take(name)? {
            Json::Members(members) => members,
            Json::Null => return Ok(None),
            _ => return Err(self.invalid(name, "neither an object nor null")),
        };
        let mut object = Object { structure: self.structure, members };
        let value = read(&mut object)?;
        object.end()?;
        Ok(Some(value))
    }

    /// A list of objects, each read by `read` and left with no member over.
    pub(crate) fn objects<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&mut Object) -> Result<T, FormatError>,
    ) -> Result<Vec<T>, FormatError> {
        let mut objects = Vec::new();
        for item in self.list(name)? {
            let Json::Members(members) = item else { return Err(self.invalid(name, "not a list of objects")) };
            let mut object = Object { structure: self.structure, members };
            objects.push(read(&mut object)?);
            object.end()?;
        }
        Ok(objects)
    }

    fn list(&mut self, name: &'static str) -> Result<Vec<Json>, FormatError> {
        match self.take(name)? {
            Json::List(list) => Ok(list),
            _ => Err(self.invalid(name, "not a list")),
        }
    }

    /// Refuses members that nobody took.
    pub(crate) fn end(self) -> Result<(), FormatError> {
        match self.members.first() {
            None => Ok(()),
            Some((name, _)) => Err(self.invalid("body", format!("unknown member {name:?}"))),
        }
    }

    /// An error about a member.
    pub(crate) fn invalid(&self, name: &'static str, why: impl Into<std::borrow::Cow<'static, str>>) -> FormatError {
        FormatError::invalid(self.structure, name, 0, why)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, an integer from 0, true, false, null, a list or an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Truth(truth))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some((name, value)) = entries.next_entry::<String, Json>()? {
            if members.iter().any(|(before, _)| *before == name) {
                return Err(A::Error::custom(format_args!("the member {name:?} stands twice")));
            }
            members.push((name, value));
        }
        Ok(Json::Members(members))
    }
}

/// Writes an object, members in the order they are put.
pub(crate) struct ObjectWriter {
    out: String,
}

impl ObjectWriter {
    /// An object without members.
    pub(crate) fn new() -> Self {
        Self { out: "{".to_owned() }
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(mut self, name: &str, json: &str) -> Self {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        self.out.push_str(&quote(name));
        self.out.push(':');
        self.out.push_str(json);
        self
    }

    /// A text.
    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.raw(name, &quote(text))
    }

    /// An integer.
    pub(crate) fn number(self, name: &str, number: impl fmt::Display) -> Self {
        self.raw(name, &number.to_string())
    }

    /// An integer or null.
    pub(crate) fn optional(self, name: &str, number: Option<u64>) -> Self {
        self.raw(name, &number.map_or("null".to_owned(), |number| number.to_string()))
    }

    /// A text or null.
    pub(crate) fn optional_text(self, name: &str, text: Option<&str>) -> Self {
        self.raw(name, &text.map_or("null".to_owned(), quote))
    }

    /// True or false.
    pub(crate) fn truth(self, name: &str, truth: bool) -> Self {
        self.raw(name, if truth { "true" } else { "false" })
    }

    /// A list of texts.
    pub(crate) fn texts<'a>(self, name: &str, texts: impl Iterator<Item = &'a str>) -> Self {
        self.list(name, texts.map(quote))
    }

    /// A list of JSON values.
    pub(crate) fn list(self, name: &str, items: impl Iterator<Item = String>) -> Self {
        self.raw(name, &format!("[{}]", items.collect::<Vec<_>>().join(",")))
    }

    /// The object.
    pub(crate) fn end(mut self) -> String {
        self.out.push('}');
        self.out
    }
}

/// A JSON text. Serialising a string cannot fail.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [RET-1]
    #[test]
    fn members_are_known_single_and_of_their_type() {
        let read = |text: &str| {
            let mut object = Object::parse("test", text)?;
            let all = (object.text("a")?, object.number::<u32>("n")?, object.optional_number("o")?);
            object.end().map(|()| all)
        };
        assert_eq!(read(r#" {"o":null, "a":"x\u00e9","n":7}"#), Ok(("xé".to_owned(), 7, None)));
        for wrong in [
            r#"{"a":"x","n":7}"#,
            r#"{"a":"x","n":7,"o":1,"p":1}"#,
            r#"{"a":"x","n":7,"o":1,"o":1}"#,
            r#"{"a":"x","n":7.0,"o":1}"#,
            r#"{"a":"x","n":7e0,"o":1}"#,
            r#"{"a":"x","n":-0,"o":1}"#,
            r#"{"a":"x","n":-7,"o":1}"#,
            r#"{"a":"x","n":4294967296,"o":1}"#,
            r#"{"a":"x","n":7,"o":18446744073709551616}"#,
            r#"{"a":"x","n":07,"o":1}"#,
            r#"{"a":"\ud800","n":7,"o":1}"#,
            r#"{"a":"x","n":7,"o":1} x"#,
            r#"{"a":"x","n":7,"o":true}"#,
            r#"{"a":7,"n":7,"o":1}"#,
            r#"["a"]"#,
            "",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        let written = ObjectWriter::new().text("a", "\"\\\n\u{1}é").number("n", 3).optional("o", None).end();
        let mut object = Object::parse("test", &written).unwrap();
        assert_eq!(object.text("a").unwrap(), "\"\\\n\u{1}é");
    }
}
