//! Laws that hold on any number of ranks. `cargo test` starts the ranks itself.

//[hdf5
use rankwise::array::DistArray;
use rankwise::file::File;
use rankwise::ndarray::Ix1;
//]
use rankwise::testing::on_ranks;

#[test]
fn the_result_does_not_depend_on_the_ranks() {
    on_ranks([1, 2, 3, 4], |world| {
        let together = CRATE::pi(world, 1001)?;
        // Each rank for itself, as a part of one.
        let alone = world.split(Some(world.rank()), 0)?.expect("every rank has a colour");
        assert_eq!(together.to_bits(), CRATE::pi(&alone, 1001)?.to_bits());
        assert!((together - std::f64::consts::PI).abs() < 1e-6);
        Ok(())
    });
}
//[hdf5

#[test]
fn the_file_has_all_heights() {
    let path = std::env::temp_dir().join("CRATE-heights.h5");
    on_ranks([1, 3], |world| {
        CRATE::save(world, 100, &path)?;
        let file = File::open(world, &path)?;
        let heights = DistArray::<f64, Ix1>::load(world, &file.dataset("heights")?)?;
        assert_eq!(heights.global_shape(), [100]);
        assert_eq!(heights.max()?, Some(4.0 / (1.0 + 0.005 * 0.005)));
        Ok(())
    });
    let _ = std::fs::remove_file(path);
}
//]
