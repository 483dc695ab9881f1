//! Ranges of rows that are read in order: what a start needs, and what lists show. Said in columns, so that a store can
//! turn it into SQL without knowing what a row means.

use crate::domain::machine::table::{Row, Table};
use crate::domain::value::column::{Column, Value};

/// Which rows of a table, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter<T> {
    /// The table.
    pub table: T,
    /// Its rows for which all terms of one of these hold. A row for which two hold comes twice: they must exclude each
    /// other.
    pub branches: Vec<Vec<Term>>,
    /// In which order.
    pub order: Order,
}

/// A condition on columns. Nothing holds of an absent value but [`Term::EitherMissing`] and [`Term::IsNot`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// One of two columns holds nothing.
    EitherMissing(&'static str, &'static str),
    /// A column holds one of these numbers.
    OneOf(&'static str, Vec<i64>),
    /// A column holds this.
    Is(&'static str, Value<'static>),
    /// A column holds anything else.
    IsNot(&'static str, Value<'static>),
    /// A column holds this or more.
    AtLeast(&'static str, Value<'static>),
    /// The first of these columns that holds something holds this or less.
    AtMost(&'static [&'static str], Value<'static>),
}

/// The order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By key.
    Key,
    /// By a column, the lowest first, then by key.
    Rising(&'static str),
    /// By a column, the highest first, then by key, the highest first too.
    Falling(&'static str),
}

/// A column of a row; absent where the table has none of this name.
fn cell<'a, R: Row>(row: &'a R, column: &str) -> Value<'a> {
    let table = row.table();
    let mut names = table.key_columns().iter().chain(table.value_columns());
    let at = names.position(|name| *name == column);
    debug_assert!(at.is_some(), "{column} is a column");
    at.and_then(|at| row.values().into_iter().nth(at)).unwrap_or(Value::Null)
}

impl Term {
    /// A column holds this number. It stands in the statement, so that an index over the rows that hold it answers.
    pub fn equal(column: &'static str, number: i64) -> Term {
        Term::OneOf(column, vec![number])
    }

    fn holds<R: Row>(&self, row: &R) -> bool {
        let of = |column: &str| cell(row, column);
        match self {
            Term::EitherMissing(one, other) => [one, other].iter().any(|it| of(it) == Value::Null),
            Term::OneOf(column, numbers) => numbers.iter().any(|it| of(column) == Value::Int(*it)),
            Term::Is(column, value) => of(column) == *value,
            Term::IsNot(column, value) => of(column) != *value,
            Term::AtLeast(column, value) => of(column) != Value::Null && of(column) >= *value,
            Term::AtMost(columns, value) => {
                let first = columns.iter().map(|it| of(it)).find(|it| *it != Value::Null);
                first.is_some_and(|first| first <= *value)
            }
        }
    }
}

impl<T: Table> Filter<T> {
    /// All rows of a table, by key.
    pub fn all(table: T) -> Filter<T> {
        Filter { table, branches: vec![Vec::new()], order: Order::Key }
    }

    /// Only those of its rows for which this holds too.
    pub fn and(mut self, term: Term) -> Filter<T> {
        self.branches.iter_mut().for_each(|terms| terms.push(term.clone()));
        self
    }

    /// Whether a row belongs to it. Stores that cannot filter by themselves use this.
    pub fn admits<R: Row<Table = T>>(&self, row: &R) -> bool {
        let of_branch = |terms: &Vec<Term>| terms.iter().all(|term| term.holds(row));
        row.table() == self.table && self.branches.iter().any(of_branch)
    }

    /// Puts rows of the table in its order.
    pub fn compare<R: Row<Table = T>>(&self, one: &R, other: &R) -> std::cmp::Ordering {
        let by = |column: &str| (cell(one, column), one.key()).cmp(&(cell(other, column), other.key()));
        match self.order {
            Order::Key => one.key().cmp(&other.key()),
            Order::Rising(column) => by(column),
            Order::Falling(column) => by(column).reverse(),
        }
    }
}

/// A number or time as a term holds it.
pub fn value(of: &impl Column) -> Value<'static> {
    of.to_value().into_owned()
}

/// A page of rows in the filter's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan<R: Row> {
    /// Which rows.
    pub filter: Filter<R::Table>,
    /// Only those behind the row under this key.
    pub after: Option<R::Key>,
    /// At most so many.
    pub limit: usize,
}
