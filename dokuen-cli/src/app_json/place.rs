//! A place in the document, by the path that an error names.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{AppJsonError, LONGEST_COMMAND};

/// A value, and where it stands.
pub(super) struct Place<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Place<'a> {
    pub fn top(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    /// The error that says what should stand here.
    pub fn wrong<T>(&self, wanted: impl Into<String>) -> Result<T, AppJsonError> {
        let place = if self.path.is_empty() { "the top level".to_owned() } else { self.path.clone() };
        Err(AppJsonError::Value { place, wanted: wanted.into() })
    }

    /// Something to be said about what stands here.
    pub fn note(&self, text: &str) -> String {
        format!("{}: {text}", self.path)
    }

    /// Whether a field has a value.
    pub fn has(&self, name: &str) -> bool {
        self.value.get(name).is_some_and(|value| !value.is_null())
    }

    pub fn fields(&self) -> Result<&'a Map<String, Value>, AppJsonError> {
        self.value.as_object().map_or_else(|| self.wrong("must be an object"), Ok)
    }

    /// One field; a `null` is none.
    pub fn field(&self, name: &str) -> Result<Option<Place<'a>>, AppJsonError> {
        let value = self.fields()?.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| self.below(name, value)))
    }

    /// As [`Place::field`], where something else than an object may stand as well.
    pub fn field_if_object(&self, name: &str) -> Result<Option<Place<'a>>, AppJsonError> {
        if self.value.is_object() { self.field(name) } else { Ok(None) }
    }

    /// The fields that have a value, with their names.
    pub fn each_field(&self) -> Result<Vec<(&'a str, Place<'a>)>, AppJsonError> {
        let fields = self.fields()?.iter().filter(|(_, value)| !value.is_null());
        Ok(fields.map(|(name, value)| (name.as_str(), self.below(name, value))).collect())
    }

    fn below(&self, name: &str, value: &'a Value) -> Place<'a> {
        let dot = if self.path.is_empty() { "" } else { "." };
        // A name is other people's text: shown as a message can hold it.
        let shown = dokuen_core::shown(name);
        Place { path: format!("{}{dot}{}", self.path, shown.trim_matches('"')), value }
    }

    pub fn items(&self, most: usize) -> Result<Vec<Place<'a>>, AppJsonError> {
        let Some(items) = self.value.as_array() else { return self.wrong("must be a list") };
        if items.len() > most {
            return self.wrong(format!("has {} entries; {most} are allowed", items.len()));
        }
        let place = |(index, value)| Place { path: format!("{}[{index}]", self.path), value };
        Ok(items.iter().enumerate().map(place).collect())
    }

    pub fn text(&self) -> Result<&'a str, AppJsonError> {
        self.value.as_str().map_or_else(|| self.wrong("must be text"), Ok)
    }

    pub fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub fn text_or_number(&self) -> Result<String, AppJsonError> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => self.wrong("must be text or a number"),
        }
    }

    pub fn number(&self, allowed: RangeInclusive<u64>) -> Result<u64, AppJsonError> {
        let number = self.value.as_u64().filter(|number| allowed.contains(number));
        let (least, most) = (allowed.start(), allowed.end());
        number.map_or_else(|| self.wrong(format!("must be a whole number from {least} to {most}")), Ok)
    }

    pub fn yes_or_no(&self) -> Result<bool, AppJsonError> {
        self.value.as_bool().map_or_else(|| self.wrong("must be true or false"), Ok)
    }

    /// What a shell is to run.
    pub fn command(&self) -> Result<String, AppJsonError> {
        let command = self.value.as_str().map(str::trim);
        let fits = |text: &&str| {
            !text.is_empty() && text.len() <= LONGEST_COMMAND && text.chars().all(|c| !c.is_control() || c == '\t')
        };
        let wanted = format!("must be a command: text of one line, at most {LONGEST_COMMAND} bytes");
        command.filter(fits).map_or_else(|| self.wrong(wanted), |text| Ok(text.to_owned()))
    }
}
