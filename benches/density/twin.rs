//! What a good programmer writes in C++ (twin.cpp), compiled and called from here, since that needs no MPI.
#![expect(unsafe_code, reason = "a library is loaded and its functions are called")]

use std::ffi::{c_int, c_long};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use libloading::Library;
use rankwise::kernels::density::{Kernel, normalisation};

use crate::data::Data;
use crate::record::{EXTENDED, say};
use crate::{Args, FEW, FOLDER, Outcome, SHOWN};

/// How each is called, its function, and how many pairs take about half a second on one thread.
const WAYS: [(&str, &str, f64); 2] =
    [("C++ -Ofast, libmvec, f64", "density_f64\0", 5e8), ("C++ -Ofast, libmvec, f32", "density_f32\0", 2e8)];

type Twin =
    unsafe extern "C" fn(*const f64, c_long, *const f64, c_long, c_int, f64, f64, *mut f64, c_int) -> c_int;

/// The library; or why there is none.
pub(crate) fn compile(folder: &Path) -> Result<PathBuf, String> {
    let library = folder.join("density-twin.so");
    let mut compile = Command::new("g++");
    compile.args(["-Ofast", "-march=native", "-fopenmp", "-shared", "-fPIC", "-o"]).arg(&library);
    let compiled = compile.arg(format!("{FOLDER}twin.cpp")).status();
    match compiled {
        Ok(status) if status.success() => Ok(library),
        Ok(_) => Err("g++ cannot compile twin.cpp".into()),
        Err(problem) => Err(format!("g++: {problem}")),
    }
}

pub(crate) fn run(args: &Args, data: &Path, library: &Path) -> Outcome {
    let data = Data::read(args, data)?;
    let (d, n) = (data.d, args.samples[0]);
    let factor = normalisation(Kernel::Gaussian, &vec![data.h; d], n);
    let mut values = vec![0.0; data.points.len() / d];
    // It stays: OpenMP's threads wait in its code until the process ends.
    // SAFETY: nothing runs when it is loaded; it was compiled from twin.cpp by this program.
    let library = ManuallyDrop::new(unsafe { Library::new(library)? });
    let mut call = |function: &str, m: usize| -> Outcome<Vec<f64>> {
        assert!(m <= values.len(), "as many points as there are");
        // SAFETY: its functions have this type; there are as many samples, points and places for values as it is told.
        let problem = unsafe {
            library.get::<Twin>(function.as_bytes())?(
                data.samples.as_ptr(),
                n as c_long,
                data.points.as_ptr(),
                m as c_long,
                d as c_int,
                data.h,
                factor,
                values.as_mut_ptr(),
                args.threads as c_int,
            )
        };
        if problem != 0 {
            return Err(format!("twin.cpp takes 1, 2, 3 or 6 coordinates, not {d}").into());
        }
        Ok(values[..m.min(SHOWN)].to_vec())
    };
    for repeat in 0..=args.repeats.min(FEW) {
        for (name, function, pairs) in WAYS {
            let m = args.points(pairs, args.threads);
            let start = Instant::now();
            let values = call(function, m)?;
            say(name, repeat, m, (0.0, start.elapsed().as_secs_f64()), &values);
        }
    }
    if args.threads == 1 {
        // SAFETY: it takes nothing, and gives a number.
        let rate = unsafe { library.get::<unsafe extern "C" fn() -> f64>(b"multiply_adds\0")?() };
        println!("MULTIPLY_ADDS {rate}");
        say(EXTENDED, 0, SHOWN, (0.0, 0.0), &call("density_extended\0", SHOWN)?);
    }
    Ok(())
}
