//! Lists that servers give page by page.

/// The most that a server gives at once.
const PAGE: usize = 1_000;

/// What was read of a list.
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Where it goes on; empty when it is whole.
    pub next_page_token: String,
}

impl<T> Page<T> {
    /// Whether there is more than was asked for.
    pub fn more(&self) -> bool {
        !self.next_page_token.is_empty()
    }
}

/// Reads pages until there are `limit` rows, or no more. `next` asks for one page, by its size and token, and gives its
/// rows and the token of the page behind it.
pub async fn read<T, E>(
    limit: usize,
    mut next: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), E>,
) -> Result<Page<T>, E> {
    let mut page = Page { rows: Vec::new(), next_page_token: String::new() };
    while page.rows.len() < limit {
        let size = i32::try_from((limit - page.rows.len()).min(PAGE)).unwrap_or(i32::MAX);
        let (rows, token) = next(size, page.next_page_token).await?;
        page.rows.extend(rows);
        page.next_page_token = token;
        if !page.more() {
            break;
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a list of 2,500 numbers; the rows, the token behind them, and the sizes that were asked for.
    fn numbers(limit: usize) -> (Vec<usize>, String, Vec<i32>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut sizes = Vec::new();
        let page = runtime.block_on(read(limit, async |size, token: String| {
            sizes.push(size);
            let from: usize = token.parse().unwrap_or_default();
            let until = (from + usize::try_from(size).expect("positive")).min(2_500);
            let more = if until < 2_500 { until.to_string() } else { String::new() };
            Ok::<_, ()>(((from..until).collect(), more))
        }));
        let page = page.expect("no error");
        (page.rows, page.next_page_token, sizes)
    }

    #[test]
    fn a_list_is_read_to_its_end_or_to_the_limit() {
        assert_eq!(numbers(usize::MAX), ((0..2_500).collect(), String::new(), vec![1_000; 3]));
        assert_eq!(numbers(1_200), ((0..1_200).collect(), "1200".to_owned(), vec![1_000, 200]));
        assert_eq!(numbers(0), (Vec::new(), String::new(), Vec::new()));
    }
}
