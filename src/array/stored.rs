//! From and to an HDF5 file, each rank its own block.

use ndarray::Dimension;

use super::layout::{dimension, refused};
use super::{DistArray, Layout};
use crate::comm::{Call, Comm};
use crate::error::Result;
use crate::file::{Dataset, File, H5Type, Storage};
use crate::sys::record::within;

impl<'c, T: H5Type + Copy, D: Dimension> DistArray<'c, T, D> {
    /// A dataset as an array in blocks of rows. Each rank reads its own.
    ///
    /// # Collective
    /// All ranks must call this. `comm` is that with which the file was opened.
    ///
    /// # Errors
    /// On all ranks, when the dataset has another number of axes or other elements, is of another communicator, or cannot be
    /// read.
    ///
    /// ```
    /// # use rankwise::file::File;
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # let folder = std::env::temp_dir().join(format!("rankwise-doc-array-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("squares.h5");
    /// use rankwise::array::{DistArray, Layout};
    /// use rankwise::ndarray::Ix2;
    ///
    /// let products = DistArray::from_fn(&Layout::grid_auto(world, [5, 4])?, |(i, j)| (i * j) as f64)?;
    /// let file = File::create(world, &path)?;
    /// products.save(&file, "products")?;
    /// file.close()?;
    ///
    /// let file = File::open(world, &path)?;
    /// let rows = DistArray::<f64, Ix2>::load(world, &file.dataset("products")?)?;
    /// assert_eq!(rows.sum()?, 60.0);
    /// let tiles = DistArray::load_by(products.layout(), &file.dataset("products")?)?;
    /// assert_eq!(tiles.max_abs_diff(&products)?, Some((0.0, (0, 0))));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn load(comm: &'c Comm, dataset: &Dataset<'_>) -> Result<Self> {
        let _within = within();
        let axes = dataset.shape().len();
        if D::NDIM != Some(axes) {
            let (name, wanted) = (dataset.name(), D::NDIM.unwrap_or(0));
            let problem = format!("dataset {name} has {axes} axes, not {wanted}");
            return Err(refused(comm, Call::new("load"), problem));
        }
        let shape: D = dimension(dataset.shape().iter().copied());
        Self::load_by(&Layout::rows(comm, shape)?, dataset)
    }

    /// A dataset as an array in that layout. Each rank reads its own block.
    ///
    /// # Collective
    /// All ranks must call this, with the same layout.
    ///
    /// # Errors
    /// On all ranks, when the dataset has another shape or other elements, is of another communicator, or cannot be read.
    #[track_caller]
    pub fn load_by(layout: &Layout<'c, D>, dataset: &Dataset<'_>) -> Result<Self> {
        let _within = within();
        fits(Call::new("load"), layout, dataset)?;
        let (start, shape) = start_and_shape(layout);
        let local = dataset.read_block::<T>(&start, &shape)?;
        let local = local.into_dimensionality().expect("as many axes as the layout, as just checked");
        Ok(DistArray { layout: layout.clone(), local })
    }

    /// Writes the array into a dataset of its shape. Each rank writes its own block.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks, when the dataset has another shape or other elements, is of another communicator, or cannot be written.
    #[track_caller]
    pub fn write_to(&self, dataset: &Dataset<'_>) -> Result<()> {
        let _within = within();
        fits(Call::new("write_to"), &self.layout, dataset)?;
        dataset.write_block(&start_and_shape(&self.layout).0, &self.local)
    }

    /// Writes the array as a new dataset, in one contiguous piece. For chunks and filters, make the dataset and
    /// [`write_to`](DistArray::write_to) it. See [`load`](DistArray::load) for an example.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks, when the name is taken or the file cannot be written.
    #[track_caller]
    pub fn save<'f>(&self, file: &'f File<'_>, name: &str) -> Result<Dataset<'f>> {
        let _within = within();
        let dataset = file.create_dataset::<T>(name, self.global_shape(), &Storage::default())?;
        self.write_to(&dataset)?;
        Ok(dataset)
    }
}

/// This rank's block as HDF5 wants it.
fn start_and_shape<D: Dimension>(layout: &Layout<'_, D>) -> (Vec<usize>, Vec<usize>) {
    layout.block().iter().map(|range| (range.start, range.len())).unzip()
}

/// The same error on all ranks unless the dataset has the array's shape, and the same ranks have both.
fn fits<D: Dimension>(call: Call, layout: &Layout<'_, D>, dataset: &Dataset<'_>) -> Result<()> {
    let (name, shape) = (dataset.name(), dataset.shape());
    if !std::ptr::eq(dataset.comm(), layout.comm()) {
        let problem = format!(
            "the file of dataset {name} was opened with another communicator: open it with the `Comm` of the layout"
        );
        return Err(refused(layout.comm(), call, problem));
    }
    if shape != layout.shape() {
        let problem = format!("dataset {name} of shape {shape:?} for an array of {:?}", layout.shape());
        return Err(refused(layout.comm(), call, problem));
    }
    Ok(())
}
