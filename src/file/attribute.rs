//! Small named values on a file or a dataset: settings, units, provenance.

use std::hash::{Hash, Hasher};

use hdf5::types::VarLenUnicode;

use super::{Dataset, File, failed, same_everywhere};
use crate::error::{Error, Result};
use crate::sys;

/// The value of an attribute. Anything that converts into one can be given.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A number.
    Float(f64),
    /// A whole number.
    Integer(i64),
    /// Text, UTF-8.
    Text(String),
    /// Several numbers.
    Floats(Vec<f64>),
}

impl Hash for Attribute {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Attribute::Float(value) => value.to_bits().hash(state),
            Attribute::Integer(value) => value.hash(state),
            Attribute::Text(value) => value.hash(state),
            Attribute::Floats(values) => values.iter().for_each(|value| value.to_bits().hash(state)),
        }
    }
}

impl From<f64> for Attribute {
    fn from(value: f64) -> Self {
        Attribute::Float(value)
    }
}
impl From<i64> for Attribute {
    fn from(value: i64) -> Self {
        Attribute::Integer(value)
    }
}
impl From<&str> for Attribute {
    fn from(value: &str) -> Self {
        Attribute::Text(value.to_owned())
    }
}
impl From<String> for Attribute {
    fn from(value: String) -> Self {
        Attribute::Text(value)
    }
}
impl From<Vec<f64>> for Attribute {
    fn from(value: Vec<f64>) -> Self {
        Attribute::Floats(value)
    }
}

fn write(to: &hdf5::Location, name: &str, value: &Attribute) -> hdf5::Result<()> {
    match value {
        Attribute::Float(value) => to.new_attr::<f64>().create(name)?.write_scalar(value),
        Attribute::Integer(value) => to.new_attr::<i64>().create(name)?.write_scalar(value),
        Attribute::Floats(values) => to.new_attr::<f64>().shape(values.len()).create(name)?.write(values),
        Attribute::Text(text) => {
            let text: VarLenUnicode =
                text.parse().map_err(|_| hdf5::Error::from("a zero byte in the text of an attribute"))?;
            to.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&text)
        }
    }
}

impl File<'_> {
    /// Sets an attribute of the whole file.
    ///
    /// # Collective
    /// All ranks must call this, with the same value: anything else is an error on all of them.
    ///
    /// # Errors
    /// On all ranks alike, when there is one of that name already, or the file is not writable.
    pub fn set_attribute(&self, name: &str, value: impl Into<Attribute>) -> Result<()> {
        set(self, self.handle(), "", name, value.into())
    }
}

impl Dataset<'_> {
    /// Sets an attribute of this dataset.
    ///
    /// # Collective
    /// All ranks must call this, with the same value: anything else is an error on all of them.
    ///
    /// # Errors
    /// On all ranks alike, when there is one of that name already, or the file is not writable.
    pub fn set_attribute(&self, name: &str, value: impl Into<Attribute>) -> Result<()> {
        set(self.file, &self.handle, self.name(), name, value.into())
    }

    /// The text of an attribute, if there is one of that name and it is text.
    ///
    /// # Collective
    /// All ranks must call this: HDF5 may read the file's structure together.
    pub fn text(&self, name: &str) -> Option<String> {
        text(&self.handle, name)
    }
}

pub(super) fn text(of: &hdf5::Location, name: &str) -> Option<String> {
    Some(of.attr(name).ok()?.read_scalar::<VarLenUnicode>().ok()?.as_str().to_owned())
}

fn set(file: &File<'_>, to: &hdf5::Location, object: &str, name: &str, value: Attribute) -> Result<()> {
    same_everywhere(file.comm, &(object, name, &value), &format!("attribute {name}"))?;
    let error = |error: hdf5::Error| -> Error {
        failed(&file.path, &format!("cannot set attribute {name} of {object}/"), sys::hdf5::refused(error))
    };
    file.comm.agree(write(to, name, &value).map_err(error))
}
