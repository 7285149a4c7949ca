//! A graph as a picture: DOT for Graphviz, and SVG.

use std::fmt::Write as _;

use super::{Graph, Node};

impl Graph<'_> {
    /// The graph in the language of Graphviz, as it is now; the colour of a task is its rank. A subgraph has two boxes, one for what adds
    /// it and one for its result. Not collective.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let graph = world.graph();
    /// let a = graph.task(|| 1);
    /// graph.name(&a, "one");
    /// graph.task_after(&a, |a| a + 1);
    /// assert!(graph.dot().contains("0 -> 1") && graph.dot().contains("one"));
    /// assert!(graph.svg().starts_with("<svg"));
    /// graph.run()?;
    /// # Ok(()) }) }
    /// ```
    pub fn dot(&self) -> String {
        let mut text = "digraph {\n  node [shape=box, style=filled];\n".to_owned();
        for (id, node) in self.nodes.borrow().iter().enumerate() {
            let label = self.label(id).replace('\\', "\\\\").replace('"', "\\\"");
            let hue = hue(node.rank, self.comm.size());
            let _ = writeln!(text, "  {id} [label=\"{label}\", fillcolor=\"{:.3} 0.25 1.0\"];", hue / 360.0);
            for input in self.inside(node) {
                let _ = writeln!(text, "  {input} -> {id};");
            }
        }
        text + "}\n"
    }

    /// The graph as a picture: tasks from left to right, each behind all that it needs; its colour is its rank. Not collective.
    pub fn svg(&self) -> String {
        const WIDTH: usize = 170;
        const HEIGHT: usize = 40;
        let nodes = self.nodes.borrow();
        let (mut levels, mut rows): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut places = Vec::new();
        for node in nodes.iter() {
            let level = self.inside(node).map(|input| levels[input] + 1).max().unwrap_or(0);
            rows.resize(rows.len().max(level + 1), 0);
            places.push((level * WIDTH + 10, rows[level] * HEIGHT + 10));
            rows[level] += 1;
            levels.push(level);
        }
        let (width, height) = (rows.len() * WIDTH, rows.iter().max().unwrap_or(&0) * HEIGHT + 10);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n"
        );
        for (node, (x, y)) in nodes.iter().zip(&places) {
            for input in self.inside(node) {
                let (from_x, from_y) = places[input];
                let (x1, y1, y2) = (from_x + 130, from_y + 12, y + 12);
                let _ =
                    writeln!(text, "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x}\" y2=\"{y2}\" stroke=\"gray\"/>");
            }
        }
        for (id, (node, (x, y))) in nodes.iter().zip(&places).enumerate() {
            let label = self.label(id).replace('&', "&amp;").replace('<', "&lt;");
            let (hue, text_x, text_y) = (hue(node.rank, self.comm.size()), x + 5, y + 16);
            let _ = writeln!(
                text,
                "<rect x=\"{x}\" y=\"{y}\" width=\"130\" height=\"24\" rx=\"4\" fill=\"hsl({hue:.0},70%,85%)\"/><text x=\"{text_x}\" y=\"{text_y}\">{label}</text>"
            );
        }
        text + "</svg>\n"
    }

    /// Which of its tasks a task needs, by their places here.
    fn inside(&self, node: &Node) -> impl Iterator<Item = usize> {
        node.inputs.iter().filter_map(|input| input.checked_sub(self.first))
    }

    /// The name of a task, or its number and line.
    fn label(&self, id: usize) -> String {
        let nodes = self.nodes.borrow();
        if nodes[id].adds {
            return format!("{} adds", self.label(id + 1));
        }
        self.names.borrow().get(&(self.first + id)).cloned().unwrap_or_else(|| {
            let at = nodes[id].at;
            let file = at.file().rsplit('/').next().unwrap_or_default();
            format!("{id} {file}:{}", at.line())
        })
    }
}

fn hue(rank: usize, size: usize) -> f64 {
    360.0 * rank as f64 / size as f64
}
