//! What stands beside an output: how it was made, and by what it can be checked.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rankwise::Comm;
use rankwise::distributed::permute::{Corpus, Fingerprint, Plan, Summary};
use serde_json::{Value, json};

use crate::arguments::{Args, UnitName};
use crate::check::fingerprint_of_indices;

/// The version of the format: the same input, seed and options give the same output for ever.
const FORMAT: &str = "rankwise permutation 1";

/// All of a manifest.
pub(crate) struct Manifest {
    pub(crate) seed: u64,
    pub(crate) copies: u64,
    pub(crate) unit: UnitName,
    pub(crate) header: u64,
    pub(crate) sample: Option<u64>,
    pub(crate) within: bool,
    pub(crate) command: String,
    /// A corpus and its output, and perhaps a parallel one.
    pub(crate) parts: Vec<Part>,
}

/// A corpus and its output.
pub(crate) struct Part {
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) corpus: Fingerprint,
    /// How the output is laid out: text, split, shards, hdf5, indices.
    pub(crate) layout: String,
    /// In the folder of the manifest.
    pub(crate) outputs: Vec<PathBuf>,
    /// Of all copies.
    pub(crate) written: (u64, u64),
    /// Of a sample, what the output holds.
    pub(crate) hash: Option<u64>,
}

impl Part {
    pub(crate) fn new(args: &Args, corpus: &Corpus, output: &Path, summary: Summary) -> Self {
        let plan = args.plan(output);
        let layout = match plan {
            Plan::Text(_) => "text",
            Plan::Split(_) => "split",
            Plan::Shards(_) => "shards",
            Plan::Hdf5Text(_) => "hdf5",
            Plan::Hdf5Indices(_) => "indices",
        };
        let absolute = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Part {
            inputs: corpus.paths().map(absolute).collect(),
            corpus: summary.corpus,
            layout: layout.into(),
            outputs: plan.paths().iter().map(|path| absolute(path)).collect(),
            written: (summary.written_units, summary.written_bytes),
            hash: None,
        }
    }

    /// What all of the output holds, but for the headers. Collective.
    pub(crate) fn whole_output(&self, world: &Comm, manifest: &Manifest) -> rankwise::Result<Fingerprint> {
        let (unit, mut quiet) = (manifest.unit.into(), |_| {});
        match &self.layout[..] {
            "indices" => fingerprint_of_indices(world, &self.outputs[0], None),
            "hdf5" => {
                let range = crate::check::text_in(world, &self.outputs[0])?;
                Corpus::of_range(world, &self.outputs[0], range, unit)?.fingerprint(world, &mut quiet)
            }
            _ => Corpus::open(world, &self.outputs, unit, manifest.header)?.fingerprint(world, &mut quiet),
        }
    }
}

fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}

impl Manifest {
    pub(crate) fn new(args: &Args, parts: Vec<Part>) -> Self {
        let command: Vec<String> =
            std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy())).collect();
        Manifest {
            seed: args.seed,
            copies: args.copies,
            unit: args.unit,
            header: args.header,
            sample: args.sample,
            within: args.within.is_some(),
            command: format!("permute_corpus {}", command.join(" ")),
            parts,
        }
    }

    /// The same, and what the outputs hold if they are samples, which cannot be told from their input. Collective.
    pub(crate) fn with_samples(mut self, world: &Comm, args: &Args) -> rankwise::Result<Self> {
        if args.sample.is_some() {
            for number in 0..self.parts.len() {
                let hash = self.parts[number].whole_output(world, &self)?.hash;
                self.parts[number].hash = Some(hash);
            }
        }
        Ok(self)
    }

    /// Writes it.
    pub(crate) fn write(&self, args: &Args) -> rankwise::Result<()> {
        let path = args.manifest();
        let folder =
            fs::canonicalize(path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new(".")));
        let folder = folder.unwrap_or_default();
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let near = |path: &PathBuf| text(&path.strip_prefix(&folder).unwrap_or(path).to_owned());
        let part = |part: &Part| {
            json!({
                "input": {
                    "files": part.inputs.iter().map(text).collect::<Vec<_>>(),
                    "units": part.corpus.units,
                    "bytes": part.corpus.bytes,
                    "hash": hex(part.corpus.hash),
                },
                "output": {
                    "layout": part.layout,
                    "files": part.outputs.iter().map(near).collect::<Vec<_>>(),
                    "units": part.written.0,
                    "bytes": part.written.1,
                    "hash": part.hash.map(hex),
                },
            })
        };
        let unit = self.unit.to_possible_value().map(|value| value.get_name().to_owned());
        let all = json!({
            "format": FORMAT,
            "software": concat!("rankwise ", env!("CARGO_PKG_VERSION")),
            "command": self.command,
            "seed": self.seed,
            "copies": self.copies,
            "unit": unit,
            "header": self.header,
            "sample": self.sample,
            "within": self.within.then_some("words"),
            "corpora": self.parts.iter().map(part).collect::<Vec<_>>(),
        });
        rankwise::file::write_whole(path, format!("{all:#}\n").as_bytes())
    }

    /// Reads one.
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let no = |what: &str| format!("{}: not a manifest of permute_corpus: {what}", path.display());
        let text =
            fs::read_to_string(path).map_err(|error| format!("{}: cannot open: {error}", path.display()))?;
        let all: Value = serde_json::from_str(&text).map_err(|error| no(&error.to_string()))?;
        if all["format"] != FORMAT {
            return Err(no(&format!("its format is {}, and not {FORMAT:?}", all["format"])).into());
        }
        let number = |value: &Value, name: &str| value[name].as_u64().ok_or_else(|| no(name));
        let hash = |value: &Value| u64::from_str_radix(value.as_str()?, 16).ok();
        let folder = path.parent().unwrap_or(Path::new(""));
        let files = |value: &Value| -> Result<Vec<PathBuf>, String> {
            let names = value["files"].as_array().ok_or_else(|| no("files"))?;
            names.iter().map(|name| Ok(folder.join(name.as_str().ok_or_else(|| no("files"))?))).collect()
        };
        let mut parts = vec![];
        for part in all["corpora"].as_array().ok_or_else(|| no("corpora"))? {
            let (input, output) = (&part["input"], &part["output"]);
            let hash_of_input = hash(&input["hash"]).ok_or_else(|| no("hash"))?;
            parts.push(Part {
                inputs: files(input)?,
                corpus: Fingerprint {
                    units: number(input, "units")?,
                    bytes: number(input, "bytes")?,
                    hash: hash_of_input,
                },
                layout: output["layout"].as_str().ok_or_else(|| no("layout"))?.into(),
                outputs: files(output)?,
                written: (number(output, "units")?, number(output, "bytes")?),
                hash: hash(&output["hash"]),
            });
            if parts.iter().any(|part| part.outputs.is_empty()) {
                return Err(no("files").into());
            }
        }
        let unit = all["unit"].as_str().and_then(|name| UnitName::from_str(name, false).ok());
        Ok(Manifest {
            seed: number(&all, "seed")?,
            copies: number(&all, "copies")?,
            unit: unit.ok_or_else(|| no("unit"))?,
            header: number(&all, "header")?,
            sample: all["sample"].as_u64(),
            within: all["within"] == "words",
            command: all["command"].as_str().unwrap_or_default().into(),
            parts,
        })
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
