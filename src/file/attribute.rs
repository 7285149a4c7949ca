//! Small named values on a file, a group or a dataset: settings, units, provenance.

use std::hash::{Hash, Hasher};

use hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};
use ndarray::{Array, ArrayD, Dimension, IxDyn};

use super::sight::same_everywhere;
use super::{Dataset, File};
use crate::error::{Error, Result};
use crate::sys;

/// The value of an attribute. Anything that converts into one can be given: numbers of every size, `bool`, text, and slices,
/// `Vec`s and arrays of them.
///
/// ```
/// use rankwise::file::Attribute;
/// use rankwise::ndarray::array;
///
/// assert_eq!(Attribute::from(3u8), Attribute::Integer(3));
/// assert_eq!(Attribute::from("m/s").text(), Some("m/s"));
/// assert_eq!(Attribute::from([1.0, 2.5]).floats(), Some(vec![1.0, 2.5]));
/// assert_eq!(Attribute::from(array![[1, 2], [3, 4]]).float(), None); // not one number
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// A number.
    Float(f64),
    /// A whole number.
    Integer(i64),
    /// A whole number that `i64` may not hold.
    Unsigned(u64),
    /// True or false.
    Flag(bool),
    /// Text, UTF-8.
    Text(String),
    /// Several numbers.
    Floats(ArrayD<f64>),
    /// Several whole numbers.
    Integers(ArrayD<i64>),
    /// Several texts.
    Texts(ArrayD<String>),
}

impl Attribute {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Attribute::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one; a whole one is rounded, if need be.
    pub fn float(&self) -> Option<f64> {
        match self {
            Attribute::Float(value) => Some(*value),
            Attribute::Integer(value) => Some(*value as f64),
            Attribute::Unsigned(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Attribute::Integer(value) => Some(*value),
            Attribute::Unsigned(value) => (*value).try_into().ok(),
            _ => None,
        }
    }

    /// All numbers, in row-major order, if it is made of numbers.
    pub fn floats(&self) -> Option<Vec<f64>> {
        match self {
            Attribute::Floats(values) => Some(values.iter().copied().collect()),
            Attribute::Integers(values) => Some(values.iter().map(|&value| value as f64).collect()),
            one => one.float().map(|value| vec![value]),
        }
    }
}

impl Hash for Attribute {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Attribute::Float(value) => value.to_bits().hash(state),
            Attribute::Integer(value) => value.hash(state),
            Attribute::Unsigned(value) => value.hash(state),
            Attribute::Flag(value) => value.hash(state),
            Attribute::Text(value) => value.hash(state),
            Attribute::Floats(values) => {
                values.shape().hash(state);
                values.iter().for_each(|value| value.to_bits().hash(state));
            }
            Attribute::Integers(values) => values.hash(state),
            Attribute::Texts(values) => values.hash(state),
        }
    }
}

impl From<bool> for Attribute {
    fn from(value: bool) -> Self {
        Attribute::Flag(value)
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

macro_rules! wide {
    ($one:ident $all:ident $wide:ty: $($number:ty)*) => {$(
        impl From<$number> for Attribute {
            fn from(value: $number) -> Self {
                Attribute::$one(value.into())
            }
        }
        several!($number, $all, |value: &$number| <$wide>::from(*value));
    )*};
}
macro_rules! several {
    ($of:ty, $all:ident, $wide:expr) => {
        impl<D: Dimension> From<Array<$of, D>> for Attribute {
            fn from(values: Array<$of, D>) -> Self {
                Attribute::$all(values.map($wide).into_dyn())
            }
        }
        impl From<&[$of]> for Attribute {
            fn from(values: &[$of]) -> Self {
                Attribute::$all(values.iter().map($wide).collect::<ndarray::Array1<_>>().into_dyn())
            }
        }
        impl From<Vec<$of>> for Attribute {
            fn from(values: Vec<$of>) -> Self {
                values.as_slice().into()
            }
        }
        impl<const N: usize> From<[$of; N]> for Attribute {
            fn from(values: [$of; N]) -> Self {
                values.as_slice().into()
            }
        }
    };
}
wide!(Float Floats f64: f32 f64);
wide!(Integer Integers i64: i8 i16 i32 i64 u8 u16 u32);
several!(String, Texts, |text: &String| text.clone());
several!(&'static str, Texts, |text: &&'static str| (*text).to_owned());

impl From<u64> for Attribute {
    fn from(value: u64) -> Self {
        Attribute::Unsigned(value)
    }
}
impl From<usize> for Attribute {
    fn from(value: usize) -> Self {
        Attribute::Unsigned(value as u64)
    }
}

fn words(text: &str) -> hdf5::Result<VarLenUnicode> {
    text.parse().map_err(|_| hdf5::Error::from("a zero byte in the text of an attribute"))
}

fn write(to: &hdf5::Location, name: &str, value: &Attribute) -> hdf5::Result<()> {
    // What cannot be written is found out before anything is made.
    let texts = match value {
        Attribute::Text(text) => vec![words(text)?],
        Attribute::Texts(texts) => texts.iter().map(|text| words(text)).collect::<hdf5::Result<_>>()?,
        _ => vec![],
    };
    if value.is_empty() {
        return Err("an array without elements".into());
    }
    sys::hdf5::remove_attribute(to, name).map_err(|failure| hdf5::Error::from(failure.words()))?;
    match value {
        Attribute::Float(value) => to.new_attr::<f64>().create(name)?.write_scalar(value),
        Attribute::Integer(value) => to.new_attr::<i64>().create(name)?.write_scalar(value),
        Attribute::Unsigned(value) => to.new_attr::<u64>().create(name)?.write_scalar(value),
        Attribute::Flag(value) => to.new_attr::<bool>().create(name)?.write_scalar(value),
        Attribute::Text(_) => to.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&texts[0]),
        Attribute::Floats(values) => {
            let values = values.as_standard_layout();
            to.new_attr::<f64>().shape(values.shape()).create(name)?.write(values.view())
        }
        Attribute::Integers(values) => {
            let values = values.as_standard_layout();
            to.new_attr::<i64>().shape(values.shape()).create(name)?.write(values.view())
        }
        Attribute::Texts(values) => {
            let shape = IxDyn(values.shape());
            let texts = ArrayD::from_shape_vec(shape, texts).map_err(|error| error.to_string())?;
            to.new_attr::<VarLenUnicode>().shape(values.shape()).create(name)?.write(texts.view())
        }
    }
}

impl Attribute {
    fn is_empty(&self) -> bool {
        match self {
            Attribute::Floats(values) => values.is_empty(),
            Attribute::Integers(values) => values.is_empty(),
            Attribute::Texts(values) => values.is_empty(),
            _ => false,
        }
    }
}

fn read(of: &hdf5::Location, name: &str) -> hdf5::Result<Option<Attribute>> {
    if !of.attr_names()?.iter().any(|other| other == name) {
        return Ok(None);
    }
    let attribute = of.attr(name)?;
    let scalar = attribute.shape().is_empty();
    Ok(Some(match attribute.dtype()?.to_descriptor()? {
        TypeDescriptor::Float(_) if scalar => Attribute::Float(attribute.read_scalar()?),
        TypeDescriptor::Float(_) => Attribute::Floats(attribute.read_dyn()?),
        TypeDescriptor::Unsigned(hdf5::types::IntSize::U8) if scalar => {
            Attribute::Unsigned(attribute.read_scalar()?)
        }
        TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) if scalar => {
            Attribute::Integer(attribute.read_scalar()?)
        }
        TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) => {
            Attribute::Integers(attribute.read_dyn()?)
        }
        // As the number that it is in the file, since it may be any.
        TypeDescriptor::Boolean if scalar => {
            let mut value = [0u8];
            sys::hdf5::read_bytes_of_attribute(&attribute, &mut value)
                .map_err(|failure| hdf5::Error::from(failure.words()))?;
            Attribute::Flag(value[0] != 0)
        }
        TypeDescriptor::VarLenUnicode => {
            texts(scalar, &attribute, |text: &VarLenUnicode| text.as_bytes().to_vec())?
        }
        TypeDescriptor::VarLenAscii => {
            texts(scalar, &attribute, |text: &VarLenAscii| text.as_bytes().to_vec())?
        }
        TypeDescriptor::FixedUnicode(len) if len <= LONGEST => {
            texts(scalar, &attribute, |text: &FixedUnicode<LONGEST>| text.as_bytes().to_vec())?
        }
        TypeDescriptor::FixedAscii(len) if len <= LONGEST => {
            texts(scalar, &attribute, |text: &FixedAscii<LONGEST>| text.as_bytes().to_vec())?
        }
        other => return Err(format!("it is of the kind {other}").into()),
    }))
}

/// The longest text of fixed length that is read.
const LONGEST: usize = 1024;

fn texts<T: hdf5::H5Type>(
    scalar: bool,
    attribute: &hdf5::Attribute,
    bytes: impl Fn(&T) -> Vec<u8>,
) -> hdf5::Result<Attribute> {
    // A file may hold bytes that are no text.
    let words = |text: &T| String::from_utf8_lossy(&bytes(text)).into_owned();
    Ok(if scalar {
        Attribute::Text(words(&attribute.read_scalar::<T>()?))
    } else {
        Attribute::Texts(attribute.read_dyn::<T>()?.map(words))
    })
}

impl File<'_> {
    /// Sets an attribute of the whole file; one that is there already is replaced.
    ///
    /// # Collective
    /// All ranks must call this, with the same value: anything else is an error on all of them.
    ///
    /// # Errors
    /// On all ranks alike, when the file is not writable.
    #[track_caller]
    pub fn set_attribute(&self, name: &str, value: impl Into<Attribute>) -> Result<()> {
        set(self, self.handle(), "/", name, value.into())
    }

    /// An attribute of the whole file, if there is one of that name.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when it is of a kind that [`Attribute`] does not have.
    #[track_caller]
    pub fn attribute(&self, name: &str) -> Result<Option<Attribute>> {
        get(self, self.handle(), "/", name)
    }

    /// The text of an attribute of the whole file, if there is one of that name and it is text.
    ///
    /// # Collective
    /// All ranks must call this, with the same name: HDF5 may read the file's structure together.
    #[track_caller]
    pub fn text(&self, name: &str) -> Option<String> {
        self.attribute(name).ok()??.text().map(str::to_owned)
    }
}

impl Dataset<'_> {
    /// Sets an attribute of this dataset; one that is there already is replaced.
    ///
    /// # Collective
    /// All ranks must call this, with the same value: anything else is an error on all of them.
    ///
    /// # Errors
    /// On all ranks alike, when the file is not writable.
    #[track_caller]
    pub fn set_attribute(&self, name: &str, value: impl Into<Attribute>) -> Result<()> {
        set(self.file, &self.handle, self.name(), name, value.into())
    }

    /// An attribute of this dataset, if there is one of that name.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when it is of a kind that [`Attribute`] does not have.
    #[track_caller]
    pub fn attribute(&self, name: &str) -> Result<Option<Attribute>> {
        get(self.file, &self.handle, self.name(), name)
    }

    /// The text of an attribute, if there is one of that name and it is text.
    ///
    /// # Collective
    /// All ranks must call this, with the same name: HDF5 may read the file's structure together.
    #[track_caller]
    pub fn text(&self, name: &str) -> Option<String> {
        self.attribute(name).ok()??.text().map(str::to_owned)
    }
}

#[track_caller]
pub(super) fn set(
    file: &File<'_>,
    to: &hdf5::Location,
    object: &str,
    name: &str,
    value: Attribute,
) -> Result<()> {
    same_everywhere(file.comm(), &(object, name, &value), &format!("attribute {name}"))?;
    let error = |error: hdf5::Error| -> Error {
        file.failed(&format!("cannot set attribute {name} of {object}"), sys::hdf5::refused(error))
    };
    file.comm().agree(write(to, name, &value).map_err(error))
}

#[track_caller]
pub(super) fn get(
    file: &File<'_>,
    of: &hdf5::Location,
    object: &str,
    name: &str,
) -> Result<Option<Attribute>> {
    same_everywhere(file.comm(), &(object, name), "name of the attribute")?;
    let error = |error: hdf5::Error| -> Error {
        file.failed(&format!("cannot read attribute {name} of {object}"), sys::hdf5::refused(error))
    };
    file.comm().agree(read(of, name).map_err(error))
}
