//! Linear assignment: which rows go with which columns so that the sum of costs is least, where any row and any column may
//! stay alone.
//!
//! Costs come as a list of the pairs that are possible at all. Rows and columns that are connected by such pairs, directly or
//! through others, form components that are solved one by one by shortest augmenting paths (Jonker and Volgenant, 1987, in
//! the form of Crouse, "On implementing 2D rectangular assignment algorithms", 2016). Crowds are many small components.

/// A row, a column and the cost of bringing them together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Row.
    pub row: usize,
    /// Column.
    pub column: usize,
    /// Cost, below the limit; anything finite.
    pub cost: f64,
}

/// Row and column of each match, by row: the choice of `pairs` with the least sum of cost less `limit`. So a match is better
/// than none when it costs less than `limit`; pairs at or over it are left out. Of choices that are equally good the same one is
/// taken always.
pub fn assign(rows: usize, columns: usize, pairs: &[Pair], limit: f64) -> Vec<[usize; 2]> {
    let useful: Vec<Pair> = pairs.iter().copied().filter(|pair| pair.cost < limit).collect();
    let mut matches = Vec::new();
    for component in components(rows, columns, &useful) {
        component.solve(limit, &mut matches);
    }
    matches.sort_unstable();
    matches
}

/// Rows, columns and pairs that hang together.
#[derive(Default)]
struct Component {
    rows: Vec<usize>,
    columns: Vec<usize>,
    pairs: Vec<Pair>,
}

fn components(rows: usize, columns: usize, pairs: &[Pair]) -> Vec<Component> {
    // Union-find over rows, then columns.
    let mut parents: Vec<usize> = (0..rows + columns).collect();
    fn root(parents: &mut [usize], mut node: usize) -> usize {
        while parents[node] != node {
            parents[node] = parents[parents[node]];
            node = parents[node];
        }
        node
    }
    for pair in pairs {
        let (a, b) = (root(&mut parents, pair.row), root(&mut parents, rows + pair.column));
        parents[a.max(b)] = a.min(b);
    }
    let mut number = vec![usize::MAX; rows + columns];
    let mut found: Vec<Component> = Vec::new();
    for pair in pairs {
        let top = root(&mut parents, pair.row);
        if number[top] == usize::MAX {
            number[top] = found.len();
            found.push(Component::default());
        }
        found[number[top]].pairs.push(*pair);
    }
    for component in &mut found {
        component.rows = component.pairs.iter().map(|pair| pair.row).collect();
        component.columns = component.pairs.iter().map(|pair| pair.column).collect();
        for side in [&mut component.rows, &mut component.columns] {
            side.sort_unstable();
            side.dedup();
        }
    }
    found
}

impl Component {
    fn solve(&self, limit: f64, matches: &mut Vec<[usize; 2]>) {
        if let [pair] = self.pairs[..] {
            matches.push([pair.row, pair.column]);
            return;
        }
        // Rows are the shorter side. A cell without a pair costs nothing, which stands for no match.
        let turned = self.rows.len() > self.columns.len();
        let (short, long) = if turned { (&self.columns, &self.rows) } else { (&self.rows, &self.columns) };
        let mut costs = vec![0.0f64; short.len() * long.len()];
        for pair in &self.pairs {
            let (row, column) = if turned { (pair.column, pair.row) } else { (pair.row, pair.column) };
            let (Ok(row), Ok(column)) = (short.binary_search(&row), long.binary_search(&column)) else {
                unreachable!("a component has the rows and columns of its pairs");
            };
            let cell = &mut costs[row * long.len() + column];
            *cell = cell.min(pair.cost - limit);
        }
        for (row, column) in solve(&costs, short.len(), long.len()).into_iter().enumerate() {
            if costs[row * long.len() + column] < 0.0 {
                let [a, b] = [short[row], long[column]];
                matches.push(if turned { [b, a] } else { [a, b] });
            }
        }
    }
}

/// The column of each row, all rows matched, with the least sum; `costs` is `[rows, columns]` with no fewer columns than rows.
fn solve(costs: &[f64], rows: usize, columns: usize) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let mut row_price = vec![0.0; rows];
    let mut column_price = vec![0.0; columns];
    let mut column_of = vec![NONE; rows];
    let mut row_of = vec![NONE; columns];
    for first in 0..rows {
        // Dijkstra over reduced costs from the unmatched row to an unmatched column.
        let mut distance = vec![f64::INFINITY; columns];
        let mut came_from = vec![NONE; columns];
        let mut row_seen = vec![false; rows];
        let mut column_seen = vec![false; columns];
        let (mut row, mut reached) = (first, 0.0);
        let end = loop {
            row_seen[row] = true;
            let mut nearest = NONE;
            for column in 0..columns {
                if column_seen[column] {
                    continue;
                }
                let through = reached + costs[row * columns + column] - row_price[row] - column_price[column];
                if through < distance[column] {
                    distance[column] = through;
                    came_from[column] = row;
                }
                // Of equally near columns a free one ends the search at once.
                let nearer = nearest == NONE
                    || distance[column] < distance[nearest]
                    || (distance[column] == distance[nearest] && row_of[column] == NONE && row_of[nearest] != NONE);
                if nearer {
                    nearest = column;
                }
            }
            reached = distance[nearest];
            column_seen[nearest] = true;
            match row_of[nearest] {
                NONE => break nearest,
                next => row = next,
            }
        };
        row_price[first] += reached;
        for other in 0..rows {
            if row_seen[other] && other != first {
                row_price[other] += reached - distance[column_of[other]];
            }
        }
        for column in 0..columns {
            if column_seen[column] {
                column_price[column] -= reached - distance[column];
            }
        }
        // Turn the path around.
        let mut column = end;
        loop {
            let row = came_from[column];
            row_of[column] = row;
            std::mem::swap(&mut column_of[row], &mut column);
            if row == first {
                break;
            }
        }
    }
    column_of
}
