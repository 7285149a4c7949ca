//! The run as a page that shows itself: one file, nothing from elsewhere.

use std::fmt::Write;

use super::json::quoted;
use super::run::{Block, Run, What};
use super::table;
use super::units;
use super::words::Words;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Words of the ranks that are shown in tables.
const ROWS: usize = 200;

/// The text of a file.
pub(super) fn html(run: &Run, words: &Words) -> String {
    let data = data(run, words);
    let mut out = String::with_capacity(data.len() + PAGE.len() + STYLE.len() + SCRIPT.len());
    for part in PAGE.split_inclusive("-->") {
        match part.rsplit_once("<!--") {
            Some((before, "style-->")) => out.extend([before, "<style>\n", STYLE, "</style>"]),
            Some((before, "data-->")) => out.extend([before, "<script>const RUN = ", &data, ";</script>"]),
            Some((before, "script-->")) => out.extend([before, "<script>\n", SCRIPT, "</script>"]),
            _ => out.push_str(part),
        }
    }
    out
}

/// As JSON; what is long, as numbers one after the other, in base 64.
fn data(run: &Run, words: &Words) -> String {
    let blocks = || run.lanes.iter().flat_map(|lane| &lane.blocks);
    let mut first = 0;
    let mut out = String::from("{");
    let lanes: Vec<String> = run
        .lanes
        .iter()
        .zip(&words.spent)
        .map(|(lane, spent)| {
            let from = first;
            first += lane.blocks.len();
            format!(
                "[{},{},{from},{first},{},{},{},{}]",
                lane.rank,
                quoted(lane.host.clone()),
                spent.computing,
                spent.calls,
                spent.waiting,
                spent.files
            )
        })
        .collect();
    let mut starts = std::collections::HashMap::new();
    let mut at = 0;
    for lane in &run.lanes {
        starts.insert(lane.rank, at);
        at += lane.blocks.len() as u32;
    }
    let list = |items: Vec<String>| format!("[{}]", items.join(","));
    let sites = (0..run.sites.len() as u32).map(|site| {
        format!("[{},{}]", quoted(run.sites[site as usize].what.clone()), quoted(run.place(site)))
    });
    let table = words.sites.iter().take(ROWS).map(|site| {
        let late = site.late.first().map_or(-1, |(rank, _)| i64::from(*rank));
        let (name, place) = (quoted(site.name.clone()), quoted(site.place.clone()));
        format!("[{name},{place},{},{},{},{},{late}]", site.calls, site.bytes, site.time, site.blocked)
    });
    let mut cells: Vec<_> = words.matrix.iter().collect();
    cells.sort_unstable();
    let matrix = cells.iter().map(|((from, to), (count, bytes))| format!("[{from},{to},{count},{bytes}]"));
    let path = words.path.iter().rev().map(|part| format!("[{},{},{}]", part.rank, part.from, part.to));
    let said = table::sentences(run, words).into_iter().map(quoted);
    let _ = write!(
        out,
        "\"ranks\":{},\"end\":{},\"sentence\":{},\"said\":{},\"notes\":{},\"lanes\":{},\"sites\":{},\"groups\":{},\"table\":{},\
         \"matrix\":{},\"path\":{},\"sent\":{}",
        run.ranks,
        run.end,
        quoted(words.sentence.clone()),
        list(said.collect()),
        list(run.notes.iter().cloned().map(quoted).collect()),
        list(lanes),
        list(sites.collect()),
        list(run.groups.iter().map(|group| quoted(group.name.clone())).collect()),
        list(table.collect()),
        list(matrix.collect()),
        list(path.collect()),
        quoted(units::bytes(run.messages.iter().map(|message| message.bytes).sum())),
    );
    let mut column = |name: &str, bytes: Vec<u8>| {
        let _ = write!(out, ",\"{name}\":\"");
        base64(&bytes, &mut out);
        out.push('"');
    };
    let f64s =
        |numbers: &mut dyn Iterator<Item = f64>| numbers.flat_map(f64::to_le_bytes).collect::<Vec<u8>>();
    let f32s =
        |of: fn(&Block) -> f32| blocks().flat_map(|block| of(block).to_le_bytes()).collect::<Vec<u8>>();
    let u16s =
        |of: fn(&Block) -> u16| blocks().flat_map(|block| of(block).to_le_bytes()).collect::<Vec<u8>>();
    column("begin", f64s(&mut blocks().map(|block| block.begin as f64)));
    column("took", f32s(|block| (block.end - block.begin) as f32));
    column("blocked", f32s(|block| block.blocked as f32));
    column("bytes", f32s(|block| block.bytes as f32));
    column("number", f32s(|block| block.number as f32));
    column("count", f32s(|block| block.count as f32));
    column("site", u16s(|block| block.site as u16));
    column("group", u16s(|block| block.group as u16));
    column("on", u16s(|block| block.on.map_or(u16::MAX, |on| on as u16)));
    column("what", blocks().map(|block| what(block.what) | u8::from(block.open) << 7).collect());
    let messages = &run.messages;
    column("m_sent", f64s(&mut messages.iter().map(|message| message.sent as f64)));
    let m_f32 =
        |numbers: &mut dyn Iterator<Item = f32>| numbers.flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
    column("m_took", m_f32(&mut messages.iter().map(|message| (message.got - message.sent) as f32)));
    column("m_bytes", m_f32(&mut messages.iter().map(|message| message.bytes as f32)));
    column("m_from", messages.iter().flat_map(|message| (message.from as u16).to_le_bytes()).collect());
    column("m_to", messages.iter().flat_map(|message| (message.to as u16).to_le_bytes()).collect());
    let block = |rank: u32, block: Option<u32>| {
        starts.get(&rank).zip(block).map_or(u32::MAX, |(start, block)| start + block).to_le_bytes()
    };
    column("m_sends", messages.iter().flat_map(|message| block(message.from, message.sends)).collect());
    column("m_gets", messages.iter().flat_map(|message| block(message.to, message.gets)).collect());
    out.push('}');
    // Nothing in it may end the script.
    out.replace("</", "<\\/")
}

/// As the script knows it.
fn what(what: What) -> u8 {
    match what {
        What::Call => 0,
        What::Wait => 1,
        What::Collective => 2,
        What::File => 3,
        What::Phase => 4,
        What::Tasks => 5,
        What::Stage => 6,
        What::Checkpoint => 7,
    }
}

fn base64(bytes: &[u8], out: &mut String) {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let all = part.iter().fold(0u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for i in 0..4 {
            out.push(if i <= part.len() { SIGNS[(all >> (18 - 6 * i)) as usize & 63] as char } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_as_others_have_it() {
        for (bytes, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            let mut out = String::new();
            base64(bytes.as_bytes(), &mut out);
            assert_eq!(out, expected);
        }
    }
}
