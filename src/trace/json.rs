//! The run as a list of trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing show.

use std::fmt::Write;

use super::run::{Run, What};

/// The text of a file of trace events.
pub(super) fn json(run: &Run) -> String {
    let blocks: usize = run.lanes.iter().map(|lane| lane.blocks.len()).sum();
    let mut out = String::with_capacity(160 * blocks + 220 * run.messages.len() + 1000);
    let words: Vec<[String; 2]> = (0..run.sites.len())
        .map(|site| [run.sites[site].what.clone(), run.place(site as u32)].map(quoted))
        .collect();
    out.push_str("{\"displayTimeUnit\": \"ns\",\n\"traceEvents\": [\n");
    for lane in &run.lanes {
        let (rank, name) = (lane.rank, quoted(format!("rank {} ({})", lane.rank, lane.host)));
        let _ = writeln!(
            out,
            "{{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":{rank},\"args\":{{\"name\":{name}}}}},\n\
             {{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":{rank},\"args\":{{\"sort_index\":{rank}}}}},"
        );
        for block in &lane.blocks {
            let [what, place] = &words[block.site as usize];
            let (kind, thread) = match block.what {
                What::Call | What::Wait => ("message", 1),
                What::Collective => ("collective", 1),
                What::File => ("file", 1),
                What::Phase => ("phase", 0),
                What::Tasks | What::Stage => ("task", 0),
                What::Checkpoint => ("checkpoint", 0),
            };
            let wait = if block.what == What::Wait { "wait for " } else { "" };
            let _ = write!(
                out,
                "{{\"ph\":\"X\",\"name\":\"{wait}{},\"cat\":\"{kind}\",\"pid\":{rank},\"tid\":{thread},\"ts\":{},\"dur\":{},\
                 \"args\":{{\"at\":{place},\"bytes\":{},\"blocked_us\":{}",
                &what[1..],
                Micro(block.begin),
                Micro(block.end - block.begin),
                block.bytes,
                Micro(block.blocked),
            );
            if let Some(on) = block.on {
                let _ = write!(out, ",\"waited_for\":{on}");
            }
            if block.count > 0 {
                let _ = write!(out, ",\"first\":{},\"count\":{}", block.number, block.count);
            }
            if block.open {
                out.push_str(",\"ended\":false");
            }
            out.push_str("}},\n");
        }
    }
    for (number, message) in run.messages.iter().enumerate() {
        let args = format!(
            "{{\"from\":{},\"to\":{},\"bytes\":{},\"tag\":{}}}",
            message.from, message.to, message.bytes, message.tag
        );
        for (ph, rank, time) in [("s", message.from, message.sent), ("f", message.to, message.got)] {
            let _ = writeln!(
                out,
                "{{\"ph\":\"{ph}\",\"bp\":\"e\",\"name\":\"message\",\"cat\":\"message\",\"id\":{number},\"pid\":{rank},\"tid\":1,\
                 \"ts\":{},\"args\":{args}}},",
                Micro(time)
            );
        }
    }
    let notes = run.notes.iter().cloned().map(quoted).collect::<Vec<_>>().join(",");
    let _ = write!(
        out,
        "{{\"ph\":\"M\",\"name\":\"process_labels\",\"pid\":0,\"args\":{{\"labels\":\"\"}}}}\n],\n\"notes\": [{notes}]}}\n"
    );
    out
}

/// Nanoseconds as microseconds, exactly.
struct Micro(i64);

impl std::fmt::Display for Micro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, (self.0 % 1000).abs())
    }
}

/// As JSON has strings.
pub(super) fn quoted(text: String) -> String {
    serde_json::Value::String(text).to_string()
}
