// SPDX-License-Identifier: GPL-2.0

//! JSON that people may have edited: each mistake is told with its place, what stands there, and what
//! may stand there.

use std::fmt;

use serde::de::{
    Deserialize,
    Deserializer,
    MapAccess,
    SeqAccess,
    Visitor, //
};
use serde_json::Value as Json;

/// A JSON text as it stands, fields that are given twice included.
pub(super) enum Document {
    Object(Vec<(String, Document)>),
    List(Vec<Document>),
    /// Neither.
    Scalar(Json),
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the file is empty".to_owned());
        }
        serde_json::from_str(text).map_err(|error| format!("no valid JSON: {error}"))
    }

    /// The value that all the others are in.
    pub(super) fn root(&self) -> Place<'_> {
        Place {
            path: String::new(),
            value: self,
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Scalar(Json::Null))
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Document, E> {
        Ok(Document::Scalar(yes.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Document, E> {
        Ok(Document::Scalar(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Document, E> {
        Ok(Document::Scalar(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Document, E> {
        Ok(Document::Scalar(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Document, E> {
        Ok(Document::Scalar(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Document, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Document::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Document, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = from.next_entry()? {
            fields.push(field);
        }
        Ok(Document::Object(fields))
    }
}

/// A value and where it stands. What is wrong with it is told as a sentence.
pub(super) struct Place<'a> {
    /// As `jq` takes it, without the first dot.
    path: String,
    value: &'a Document,
}

impl<'a> Place<'a> {
    /// A mistake of this value.
    pub(super) fn mistake(&self, what: impl fmt::Display) -> String {
        match self.path.as_str() {
            "" => what.to_string(),
            path => format!("{path}: {what}"),
        }
    }

    /// The mistake that something else may stand here.
    pub(super) fn must_be(&self, legal: impl fmt::Display) -> String {
        let found = match self.value {
            Document::Object(_) => "an object".to_owned(),
            Document::List(_) => "a list".to_owned(),
            Document::Scalar(json) => json.to_string(),
        };
        self.mistake(format_args!("must be {legal}, not {found}"))
    }

    fn inner(&self, path: String, value: &'a Document) -> Self {
        Self {
            path: format!("{}{path}", self.path),
            value,
        }
    }

    /// The fields of an object, each of which is given once.
    pub(super) fn fields(&self) -> Result<Vec<(&'a str, Place<'a>)>, String> {
        let Document::Object(fields) = self.value else {
            return Err(self.must_be("an object ({...})"));
        };
        let dot = if self.path.is_empty() { "" } else { "." };
        let mut places: Vec<(&str, Place<'_>)> = Vec::new();
        for (name, value) in fields {
            let place = self.inner(format!("{dot}{name}"), value);
            if places.iter().any(|(other, _)| other == name) {
                return Err(place.mistake("given twice"));
            }
            places.push((name, place));
        }
        Ok(places)
    }

    /// The fields with these names, in this order; there may be no others. `null` is no field, as
    /// the lists have it where nothing is set.
    pub(super) fn object<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<[Option<Place<'a>>; N], String> {
        let mut found = [const { None }; N];
        for (name, place) in self.fields()? {
            let unknown = || {
                let legal = names.join(", ");
                self.mistake(format_args!("unknown field \"{name}\"; legal: {legal}"))
            };
            let at = names.iter().position(|known| *known == name);
            let field = at.and_then(|at| found.get_mut(at)).ok_or_else(unknown)?;
            *field = (!matches!(place.value, Document::Scalar(Json::Null))).then_some(place);
        }
        Ok(found)
    }

    /// A field that has to be there.
    pub(super) fn needed(&self, name: &str, field: Option<Place<'a>>) -> Result<Self, String> {
        field.ok_or_else(|| self.mistake(format_args!("field \"{name}\" is missing")))
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, String> {
        let Document::List(items) = self.value else {
            return Err(self.must_be("a list ([...])"));
        };
        let place = |(at, item)| self.inner(format!("[{at}]"), item);
        Ok(items.iter().enumerate().map(place).collect())
    }

    pub(super) fn string(&self) -> Result<&'a str, String> {
        self.scalar(Json::as_str)
            .ok_or_else(|| self.must_be("a string"))
    }

    pub(super) fn boolean(&self) -> Result<bool, String> {
        self.scalar(Json::as_bool)
            .ok_or_else(|| self.must_be("true or false"))
    }

    /// A number, if it is one that fits.
    pub(super) fn number<T: TryFrom<u64>>(&self) -> Option<T> {
        T::try_from(self.scalar(Json::as_u64)?).ok()
    }

    fn scalar<T>(&self, read: impl FnOnce(&'a Json) -> Option<T>) -> Option<T> {
        match self.value {
            Document::Scalar(json) => read(json),
            Document::Object(_) | Document::List(_) => None,
        }
    }
}
