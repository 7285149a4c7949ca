use approx::assert_relative_eq;
use rankwise::kernels::density::Kernel;
use rankwise::kernels::grid_sums::{add_tile_on_grid, add_weighted_tile_on_grid};
use rankwise::kernels::level::Level;
use rankwise::kernels::window_sums::{Windows, add_weighted_tile};

/// Columns of coordinates, spread over a few units.
fn samples(n: usize, d: usize) -> Vec<f64> {
    (0..n * d).map(|i| ((i * 7919 + 13) % 1009) as f64 / 300.0 - 1.7).collect()
}

fn axis(cells: usize, low: f64) -> Vec<f64> {
    (0..cells).map(|cell| low + 3.5 * (cell as f64 + 0.5) / cells as f64).collect()
}

#[test]
fn agrees_with_the_sums_at_each_cell() {
    let grids = [
        vec![1, 1],
        vec![3, 5],
        vec![261, 33],
        vec![0, 4],
        vec![4, 0],
        vec![5, 3, 9],
        vec![2, 3, 4, 2],
        vec![40],
    ];
    for kernel in [Kernel::Gaussian, Kernel::Hypercube] {
        for cells in &grids {
            let d = cells.len();
            let axes: Vec<Vec<f64>> =
                cells.iter().enumerate().map(|(k, &cells)| axis(cells, -1.8 + 0.1 * k as f64)).collect();
            let bandwidth: Vec<f64> = (0..d).map(|k| 0.5 + 0.2 * k as f64).collect();
            let windows = Windows::new(kernel, &bandwidth, &[1.0, 0.3]);
            for n in [0, 1, 100] {
                let tile = samples(n, d);
                let m: usize = cells.iter().product();
                let points: Vec<f64> = (0..d)
                    .flat_map(|k| {
                        let inner: usize = cells[k + 1..].iter().product();
                        let axes = &axes;
                        (0..m).map(move |cell| axes[k][cell / inner % axes[k].len()])
                    })
                    .collect();
                for level in Level::available() {
                    let (mut ours, mut direct) = (vec![0.5; 2 * m], vec![0.5; 2 * m]);
                    let weights: Vec<f64> = (0..n).map(|i| 0.5 + (i % 7) as f64).collect();
                    let weights = (n != 1).then_some(&weights[..]);
                    add_weighted_tile_on_grid(level, &windows, &tile, weights, &axes, &mut ours);
                    add_weighted_tile(level, &windows, &tile, weights, &points, &mut direct);
                    for (ours, direct) in ours.iter().zip(&direct) {
                        assert_relative_eq!(ours, direct, max_relative = 3e-14);
                    }
                }
            }
        }
    }
}

#[test]
fn cells_do_not_depend_on_what_is_computed_with_them() {
    let (tile, columns) = (samples(1000, 2), axis(37, -2.0));
    let windows = Windows::new(Kernel::Gaussian, &[0.4, 0.6], &[1.0]);
    let rows = axis(19, -2.0);
    for level in Level::available() {
        let mut whole = vec![0.0; 19 * 37];
        add_tile_on_grid(level, &windows, &tile, &[rows.clone(), columns.clone()], &mut whole);
        for cut in [1, 2, 5, 6, 18] {
            let mut parts = vec![0.0; 19 * 37];
            let (above, below) = parts.split_at_mut(cut * 37);
            add_tile_on_grid(level, &windows, &tile, &[rows[..cut].to_vec(), columns.clone()], above);
            add_tile_on_grid(level, &windows, &tile, &[rows[cut..].to_vec(), columns.clone()], below);
            assert!(parts.iter().zip(&whole).all(|(a, b)| a.to_bits() == b.to_bits()), "{level:?}, {cut}");
        }
    }
}

#[test]
fn wider_registers_give_the_same_bits() {
    let (tile, axes) = (samples(1000, 2), [axis(19, -2.0), axis(37, -2.0)]);
    let windows = Windows::new(Kernel::Gaussian, &[0.4, 0.6], &[1.0]);
    let sums: Vec<Vec<u64>> = Level::available()
        .filter(|&level| level >= Level::Avx2)
        .map(|level| {
            let mut sums = vec![0.0; 19 * 37];
            add_tile_on_grid(level, &windows, &tile, &axes, &mut sums);
            sums.iter().map(|sum| sum.to_bits()).collect()
        })
        .collect();
    assert!(sums.windows(2).all(|pair| pair[0] == pair[1]));
}
