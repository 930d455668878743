//! Tables of text.

/// A cell that is wider pushes what follows it aside, instead of making all lines as long as it is.
const WIDEST: usize = 200;

/// Lines whose columns stand below each other; the last column is as wide as it is.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |cell: &String| Some(cell.chars().count()).filter(|width| *width <= WIDEST);
    let widest = |column: usize| rows.iter().filter_map(|row| width(row.get(column)?)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_cell_stands_alone() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let wide = "x".repeat(70_000);
        assert_eq!(columns(&[row(["a", "1"]), row(["bcd", "2"]), row([&wide, "3"])]), format!("a    1\nbcd  2\n{wide}  3\n"));
    }
}
