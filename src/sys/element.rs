//! Element types: what MPI has to know of a Rust type, and which bytes of it a careless sender could make invalid.
//!
//! A `bool` is a byte that is 0 or 1, and any other value is undefined behaviour. Another rank may send other bytes, by
//! mistake; so the places of all `bool`s inside a type are found, once, and looked at after every message.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_int;
use std::mem::{ManuallyDrop, size_of};

use mpi::datatype::Equivalence;
use mpi::ffi;
use mpi::raw::AsRaw;

use super::failure::{Failure, Outcome, check};
use super::label;

/// How MPI sees elements of one Rust type: each is `repeat` items, one behind the other, of an MPI datatype. Few words, since
/// every call takes it along.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// The datatype of an item. System types and those of the table below, which live until MPI ends.
    pub(super) raw: ffi::MPI_Datatype,
    /// Bytes of an item.
    pub(super) size: usize,
    /// Items in an element.
    pub(super) repeat: usize,
    item: &'static Item,
}

/// What else is known of an item.
#[derive(Debug)]
struct Item {
    /// Bytes that travel: without what lies between its fields.
    packed: usize,
    /// Where its `bool`s are.
    bools: &'static [usize],
    /// Of which numbers it consists: see [`label`].
    signature: u64,
    /// What its type is called.
    name: &'static str,
}

impl Described {
    /// Bytes of an element.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.size * self.repeat
    }

    /// Bytes of an element that travel.
    pub(super) fn packed(&self) -> usize {
        self.item.packed * self.repeat
    }

    /// Of which numbers an item consists: see [`label`].
    pub(super) fn signature(&self) -> u64 {
        self.item.signature
    }

    /// What the type of an item is called.
    pub(super) fn name(&self) -> &'static str {
        self.item.name
    }

    /// Whether there is anything to look at after a message.
    #[inline]
    pub(super) fn has_bools(&self) -> bool {
        !self.item.bools.is_empty()
    }

    /// The numbers of which an element consists.
    fn all_basics(&self) -> Outcome<Vec<Basic>> {
        let mut item = Vec::new();
        find_basics(self.raw, 0, &mut item)?;
        let moved = |by: usize| item.iter().map(move |&(place, code)| (by + place, code));
        Ok((0..self.repeat).flat_map(|i| moved(i * self.size)).collect())
    }

    /// Makes every `bool` of these elements valid: what is neither true nor false becomes false. Whether all were valid.
    ///
    /// # Safety
    /// There are `len` elements of this type at `start`, all bytes initialised, and nobody else looks at them.
    pub(super) unsafe fn mend(&self, start: *mut u8, len: usize) -> bool {
        let mut valid = true;
        for item in 0..len * self.repeat {
            for place in self.item.bools {
                // SAFETY: inside the element, by this function's contract; read as a byte.
                let byte = unsafe { &mut *start.add(item * self.size + place) };
                if *byte > 1 {
                    (*byte, valid) = (0, false);
                }
            }
        }
        valid
    }
}

/// A value that MPI can move as it lies in memory: all fixed-size numbers, complex numbers, `bool`, arrays `[T; N]` and
/// tuples of such, and structs that derive [`Equivalence`](mpi::datatype::Equivalence). For everything else there are the
/// calls for values, such as [`Comm::broadcast_value`](crate::Comm::broadcast_value).
///
/// `Kind` tells the compiler which of these it is. It is always inferred: leave it out, or write `_`.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use mpi::traits::Equivalence;
///
/// #[derive(Debug, Clone, Copy, PartialEq, Equivalence)]
/// struct Place {
///     position: [f64; 2],
///     capital: bool,
/// }
/// let mine = [Place { position: [52.5, 13.4], capital: true }];
/// let all = world.all_gather(&mine)?;
/// let pairs = world.all_gather(&[(world.rank(), 0.5)])?;
/// assert_eq!((all[0], pairs[0]), (mine[0], (0, 0.5)));
/// # Ok(()) }) }
/// ```
///
/// The derive names the crate `mpi`. Where that is no dependency of the program's own, `#[mpi(crate = "::rankwise::mpi")]` below
/// the derive of `rankwise::mpi::traits::Equivalence` tells it where to look.
///
/// In an array inside a struct, elements must lie as far apart as MPI would put them: packed structs there are an error, and
/// with `#[repr(align)]` MPI finds other bytes.
///
/// What has pointers inside does not compile:
///
/// ```compile_fail,E0277
/// rankwise::run(|world| {
///     world.all_gather(&[String::from("text")])?;
///     Ok(())
/// });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel as it lies in memory",
    note = "derive `mpi::traits::Equivalence` and `Copy` for a struct of numbers; any `serde` type travels by the calls for values, as `broadcast_value`"
)]
pub trait Element<Kind>: Copy + 'static + Describe<Kind> {}

/// What others may not implement: MPI writes into the memory that it describes.
pub trait Describe<Kind> {
    #[doc(hidden)]
    fn describe() -> Outcome<Described>;
}

/// The kinds of [`Element`]: how the compiler finds the right description.
pub mod kind {
    /// A number, a `bool`, or a struct that derives `Equivalence`.
    #[derive(Debug)]
    pub struct Plain;
    /// A number that MPI has no name for.
    #[derive(Debug)]
    pub struct Wide;
    /// A fixed array of elements of another kind.
    #[derive(Debug)]
    pub struct Array<Kind>(std::marker::PhantomData<Kind>);
    /// A value of another kind with its place.
    #[derive(Debug)]
    pub struct Placed<Kind>(std::marker::PhantomData<Kind>);
    /// A tuple of elements of other kinds.
    #[derive(Debug)]
    pub struct Tuple<Kinds>(std::marker::PhantomData<Kinds>);
}

impl<T: Copy + 'static + Describe<Kind>, Kind> Element<Kind> for T {}

macro_rules! numbers {
    ($($number:ty, $code:literal, $datatype:ident;)*) => {
        /// One of MPI's own numbers, found without a look into a table: it is on the way of every call. Compiles to a constant.
        #[inline]
        fn number<T: 'static>() -> Option<&'static Item> {
            $(if TypeId::of::<T>() == TypeId::of::<$number>() {
                // The signature of one basic number is its code.
                return Some(&Item {
                    packed: size_of::<$number>(),
                    bools: &[],
                    signature: $code,
                    name: stringify!($number),
                });
            })*
            None
        }

        /// The code of a datatype that is not made of others.
        fn basic_code(of: ffi::MPI_Datatype) -> u8 {
            // SAFETY: constants of the library, read only.
            let known = unsafe { [
                $((ffi::$datatype, $code),)*
                (ffi::RSMPI_C_BOOL, BOOL),
                (ffi::RSMPI_FLOAT_COMPLEX, 13),
                (ffi::RSMPI_DOUBLE_COMPLEX, 14),
            ] };
            known.iter().find(|(raw, _)| *raw == of).map_or(u8::MAX, |(_, code)| *code)
        }
    };
}
numbers! {
    u8, 0, RSMPI_UINT8_T;
    u16, 1, RSMPI_UINT16_T;
    u32, 2, RSMPI_UINT32_T;
    u64, 3, RSMPI_UINT64_T;
    usize, 3, RSMPI_UINT64_T;
    i8, 4, RSMPI_INT8_T;
    i16, 5, RSMPI_INT16_T;
    i32, 6, RSMPI_INT32_T;
    i64, 7, RSMPI_INT64_T;
    isize, 7, RSMPI_INT64_T;
    f32, 8, RSMPI_FLOAT;
    f64, 9, RSMPI_DOUBLE;
}
const BOOL: u8 = 12;

impl<T: Equivalence + 'static> Describe<kind::Plain> for T {
    #[inline]
    fn describe() -> Outcome<Described> {
        if let Some(item) = number::<T>() {
            let raw = T::equivalent_datatype().as_raw();
            return Ok(Described { raw, size: size_of::<T>(), repeat: 1, item });
        }
        from_table::<T>(|| {
            // Some are freed when dropped; the table keeps them. Those that are not dropped, as the derive's, would be left.
            let datatype = ManuallyDrop::new(T::equivalent_datatype());
            free_at_the_end(datatype.as_raw())?;
            let raw = with_extent(datatype.as_raw(), size_of::<T>())?;
            let mut basics = Vec::new();
            find_basics(raw, 0, &mut basics)?;
            match basics.iter().find(|(place, _)| *place >= size_of::<T>()) {
                None => Ok((raw, basics)),
                Some((place, _)) => Err(Failure::Argument(format!(
                    "the MPI datatype of {} has a number at byte {place} of {}",
                    super::memory::name::<T>(),
                    size_of::<T>()
                ))),
            }
        })
    }
}

macro_rules! wide {
    ($($number:ty)*) => {$(
        impl Describe<kind::Wide> for $number {
            fn describe() -> Outcome<Described> {
                // Two halves, in the order of this machine, which is that of all ranks.
                let half = <u64 as Describe<kind::Plain>>::describe()?;
                let item = &Item { packed: 8, bools: &[], signature: 3, name: stringify!($number) };
                Ok(Described { repeat: 2, item, ..half })
            }
        }
    )*};
}
wide!(u128 i128);

impl<T: Describe<Kind>, Kind, const N: usize> Describe<kind::Array<Kind>> for [T; N] {
    #[inline]
    fn describe() -> Outcome<Described> {
        const { assert!(size_of::<[T; N]>() > 0, "an element without bytes cannot be sent or counted") };
        let one = T::describe()?;
        Ok(Described { repeat: one.repeat * N, ..one })
    }
}

macro_rules! tuples {
    ($($name:ident $kind:ident $place:tt),+) => {
        impl<$($name: Describe<$kind> + 'static, $kind),+> Describe<kind::Tuple<($($kind,)+)>> for ($($name,)+) {
            fn describe() -> Outcome<Described> {
                from_table::<Self>(|| {
                    let fields = [$((std::mem::offset_of!(Self, $place), $name::describe()?)),+];
                    structured(&fields, size_of::<Self>())
                })
            }
        }
    };
}
tuples!(A KA 0);
tuples!(A KA 0, B KB 1);
tuples!(A KA 0, B KB 1, C KC 2);
tuples!(A KA 0, B KB 1, C KC 2, D KD 3);
tuples!(A KA 0, B KB 1, C KC 2, D KD 3, E KE 4);
tuples!(A KA 0, B KB 1, C KC 2, D KD 3, E KE 4, F KF 5);

/// A value and the place where it was found, for the reductions [`MinWithPlace`](crate::comm::MinWithPlace) and
/// [`MaxWithPlace`](crate::comm::MaxWithPlace).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it was: whatever number the ranks gave, a global index or a rank.
    pub place: u64,
}

impl<T: Describe<Kind> + 'static, Kind> Describe<kind::Placed<Kind>> for Placed<T> {
    fn describe() -> Outcome<Described> {
        from_table::<Self>(|| {
            let value = (std::mem::offset_of!(Self, value), T::describe()?);
            let place = (std::mem::offset_of!(Self, place), <u64 as Describe<kind::Plain>>::describe()?);
            structured(&[value, place], size_of::<Self>())
        })
    }
}

/// A number inside a type: at which byte, and its code.
type Basic = (usize, u8);

/// The datatype of a struct with these fields, and the numbers in it.
fn structured(fields: &[(usize, Described)], size: usize) -> Outcome<(ffi::MPI_Datatype, Vec<Basic>)> {
    let mut basics = Vec::new();
    for (offset, field) in fields {
        basics.extend(field.all_basics()?.into_iter().map(|(place, code)| (offset + place, code)));
    }
    let ints = |n: usize| super::counts::int(n);
    let repeats = fields.iter().map(|(_, field)| ints(field.repeat)).collect::<Outcome<Vec<_>>>()?;
    let offsets: Vec<ffi::MPI_Aint> = fields.iter().map(|(offset, _)| *offset as ffi::MPI_Aint).collect();
    let types: Vec<_> = fields.iter().map(|(_, field)| field.raw).collect();
    // SAFETY: the three lists have one entry a field; the handle is used only after the calls that make it.
    let raw = unsafe {
        let mut raw = ffi::RSMPI_DATATYPE_NULL;
        let count = ints(fields.len())?;
        let (repeats, offsets, types) = (repeats.as_ptr(), offsets.as_ptr(), types.as_ptr());
        check(ffi::MPI_Type_create_struct(count, repeats, offsets, types, &mut raw))?;
        check(ffi::MPI_Type_commit(&mut raw))?;
        raw
    };
    MADE.with_borrow_mut(|made| made.push(raw));
    Ok((with_extent(raw, size)?, basics))
}

/// The same datatype, if elements of it lie `size` bytes apart, else one whose do.
fn with_extent(raw: ffi::MPI_Datatype, size: usize) -> Outcome<ffi::MPI_Datatype> {
    let (mut lower, mut extent): (ffi::MPI_Aint, ffi::MPI_Aint) = (0, 0);
    // SAFETY: the datatype is live, the pointers are to live locals.
    check(unsafe { ffi::MPI_Type_get_true_extent(raw, &mut lower, &mut extent) })?;
    if lower < 0 || lower.saturating_add(extent) > size as ffi::MPI_Aint {
        // An array of packed structs, for which the derive reckons with the places that MPI would choose.
        return Err(Failure::Argument(format!(
            "an MPI datatype of bytes {lower} to {} for an element of {size}: is there a packed struct inside?",
            lower.saturating_add(extent)
        )));
    }
    // SAFETY: the datatype is live, the pointers are to live locals.
    check(unsafe { ffi::MPI_Type_get_extent(raw, &mut lower, &mut extent) })?;
    if (lower, extent) == (0, size as ffi::MPI_Aint) {
        return Ok(raw);
    }
    // SAFETY: as above; the handle is used only after the call that makes it.
    unsafe {
        let mut resized = ffi::RSMPI_DATATYPE_NULL;
        check(ffi::MPI_Type_create_resized(raw, 0, size as ffi::MPI_Aint, &mut resized))?;
        check(ffi::MPI_Type_commit(&mut resized))?;
        MADE.with_borrow_mut(|made| made.push(resized));
        Ok(resized)
    }
}

/// Frees the datatypes that were made here, before MPI ends: MPICH complains of those that are left.
pub(crate) fn free_all() {
    TABLE.with_borrow_mut(HashMap::clear);
    for mut raw in MADE.take() {
        // SAFETY: made here or left to us, live, once in the list, and not used again: the table forgets them, and MPI ends next.
        unsafe { ffi::MPI_Type_free(&mut raw) };
    }
}

/// Has [`free_all`] free a datatype that its type keeps until then, unless it is one of MPI's own. Two types may have the same.
fn free_at_the_end(raw: ffi::MPI_Datatype) -> Outcome {
    let [named, ..] = combiners()?;
    if envelope(raw)?.0 != named {
        MADE.with_borrow_mut(|made| {
            if !made.contains(&raw) {
                made.push(raw);
            }
        });
    }
    Ok(())
}

thread_local! {
    /// Datatypes that had to be made or looked into, by type. They live as long as MPI does.
    static TABLE: RefCell<HashMap<TypeId, (ffi::MPI_Datatype, &'static Item)>> = RefCell::new(HashMap::new());
    /// Those datatypes that were made here, and those that the derive has made.
    static MADE: RefCell<Vec<ffi::MPI_Datatype>> = const { RefCell::new(Vec::new()) };
}

fn from_table<T: 'static>(
    make: impl FnOnce() -> Outcome<(ffi::MPI_Datatype, Vec<Basic>)>,
) -> Outcome<Described> {
    const { assert!(size_of::<T>() > 0, "an element without bytes cannot be sent or counted") };
    let of = TypeId::of::<T>();
    let known = TABLE.with_borrow(|table| table.get(&of).copied());
    let (raw, item) = match known {
        Some(entry) => entry,
        None => {
            let (raw, basics) = make()?;
            let bools: Vec<_> =
                basics.iter().filter(|(_, code)| *code == BOOL).map(|(place, _)| *place).collect();
            let codes: Vec<_> = basics.iter().map(|(_, code)| *code).collect();
            let mut packed: c_int = 0;
            // SAFETY: the datatype is live, the pointer is to a live local.
            check(unsafe { ffi::MPI_Type_size(raw, &mut packed) })?;
            let packed = usize::try_from(packed).unwrap_or(0);
            let (signature, name) = (label::signature(&codes), std::any::type_name::<T>());
            let item = Item { packed, bools: bools.leak(), signature, name };
            let entry = (raw, &*Box::leak(Box::new(item)));
            TABLE.with_borrow_mut(|table| table.insert(of, entry));
            entry
        }
    };
    Ok(Described { raw, size: size_of::<T>(), repeat: 1, item })
}

/// What `MPI_Type_get_envelope` says of a datatype: how it was made, and of how many numbers, addresses and datatypes.
fn envelope(of: ffi::MPI_Datatype) -> Outcome<(c_int, [c_int; 3])> {
    let ([mut ints, mut addresses, mut types], mut combiner) = ([0; 3], 0);
    // SAFETY: the datatype is live, the pointers are to live locals.
    check(unsafe { ffi::MPI_Type_get_envelope(of, &mut ints, &mut addresses, &mut types, &mut combiner) })?;
    Ok((combiner, [ints, addresses, types]))
}

/// The library's numbers for the ways of making a datatype, learnt from one of each: their names are not in every binding.
fn combiners() -> Outcome<[c_int; 4]> {
    // SAFETY: each handle is used only after the call that makes it, and freed once; the lists have one entry.
    unsafe {
        let byte = ffi::RSMPI_UINT8_T;
        let mut made = [ffi::RSMPI_DATATYPE_NULL; 3];
        check(ffi::MPI_Type_contiguous(2, byte, &mut made[0]))?;
        check(ffi::MPI_Type_create_struct(1, &1, &0, &byte, &mut made[1]))?;
        check(ffi::MPI_Type_create_resized(byte, 0, 2, &mut made[2]))?;
        let mut found = [envelope(byte)?.0, 0, 0, 0];
        for (found, made) in found[1..].iter_mut().zip(&mut made) {
            *found = envelope(*made)?.0;
            check(ffi::MPI_Type_free(made))?;
        }
        Ok(found)
    }
}

/// Adds the numbers of a datatype that begins at `offset`.
fn find_basics(of: ffi::MPI_Datatype, offset: usize, basics: &mut Vec<Basic>) -> Outcome {
    let [named, contiguous, structure, resized] = combiners()?;
    let (combiner, sizes) = envelope(of)?;
    if combiner == named {
        basics.push((offset, basic_code(of)));
        return Ok(());
    }
    let [ints, addresses, types] = sizes.map(|n| usize::try_from(n).unwrap_or(0));
    let (mut numbers, mut places) = (vec![0 as c_int; ints], vec![0 as ffi::MPI_Aint; addresses]);
    // SAFETY: a constant of the library; then the three lists are as long as the envelope asks for.
    let parts = unsafe {
        let mut parts = vec![ffi::RSMPI_DATATYPE_NULL; types];
        let (numbers, places) = (numbers.as_mut_ptr(), places.as_mut_ptr());
        let [ints, addresses, types] = sizes;
        check(ffi::MPI_Type_get_contents(of, ints, addresses, types, numbers, places, parts.as_mut_ptr()))?;
        parts
    };
    let repeats = |n: c_int| usize::try_from(n).unwrap_or(0);
    for (i, &part) in parts.iter().enumerate() {
        let mut inside = Vec::new();
        find_basics(part, 0, &mut inside)?;
        let (start, repeats) = if combiner == contiguous {
            (0, repeats(numbers[0]))
        } else if combiner == structure {
            let start = usize::try_from(places[i])
                .map_err(|_| Failure::Argument("an MPI datatype that begins before its element".into()))?;
            (start, repeats(numbers[1 + i]))
        } else if combiner == resized || inside.iter().all(|(_, code)| *code != BOOL) {
            (0, 1)
        } else {
            return Err(Failure::Argument("a bool inside an MPI datatype of unknown making".into()));
        };
        let (mut lower, mut extent): (ffi::MPI_Aint, ffi::MPI_Aint) = (0, 0);
        // SAFETY: the datatype is live, the pointers are to live locals.
        check(unsafe { ffi::MPI_Type_get_extent(part, &mut lower, &mut extent) })?;
        let extent = usize::try_from(extent).unwrap_or(0);
        for repeat in 0..repeats {
            let at = offset + start + repeat * extent;
            basics.extend(inside.iter().map(|&(place, code)| (at + place, code)));
        }
        let (combiner, _) = envelope(part)?;
        if combiner != named {
            // SAFETY: a derived datatype that `MPI_Type_get_contents` has given is ours to free; not used again.
            check(unsafe { ffi::MPI_Type_free(&mut { part }) })?;
        }
    }
    Ok(())
}
