use serde::Serialize;

use crate::{Error, Result};

/// Which page of a list is wanted. Built only within its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    page: u32,
    page_size: u32,
}

impl PageRequest {
    /// The most rows a page may hold.
    pub const MAX_PAGE_SIZE: u32 = 100;
    /// The last page number that is answered; beyond it a filter serves better.
    pub const MAX_PAGE: u32 = 1_000_000;

    /// The first row alone.
    pub const ONE: Self = Self { page: 1, page_size: 1 };

    /// A request for page `page` (from 1) of `page_size` rows (1 to 100).
    ///
    /// # Errors
    /// `Validation` outside the bounds.
    pub fn new(page: u32, page_size: u32) -> Result<Self> {
        if !(1..=Self::MAX_PAGE_SIZE).contains(&page_size) {
            return Err(Error::validation("pageSize", "pageSize must be between 1 and 100."));
        }
        if !(1..=Self::MAX_PAGE).contains(&page) {
            return Err(Error::validation("page", "page must be 1 or more."));
        }
        Ok(Self { page, page_size })
    }

    /// Rows to return.
    pub fn limit(self) -> i64 {
        i64::from(self.page_size)
    }

    /// Rows to pass over.
    pub fn offset(self) -> i64 {
        i64::from(self.page - 1) * i64::from(self.page_size)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Where in the list they stand.
    pub pagination: PageInfo,
}

/// Where in the list a page stands.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    /// The page, from 1.
    pub page: u32,
    /// Rows a page holds at most.
    pub page_size: u32,
    /// Rows in the whole list.
    pub total_items: u64,
    /// Pages in the whole list.
    pub total_pages: u64,
}

impl<T> Page<T> {
    /// The rows found for `request` out of `total_items`.
    pub fn new(data: Vec<T>, request: PageRequest, total_items: i64) -> Self {
        let total_items = u64::try_from(total_items).unwrap_or(0);
        let page_size = request.page_size;
        let total_pages = total_items.div_ceil(u64::from(page_size));
        Self { data, pagination: PageInfo { page: request.page, page_size, total_items, total_pages } }
    }

    /// The page of a list that is all in memory.
    pub fn of_all(all: Vec<T>, request: PageRequest) -> Self {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let skip = usize::try_from(request.offset()).unwrap_or(usize::MAX);
        let take = usize::try_from(request.limit()).unwrap_or(0);
        Self::new(all.into_iter().skip(skip).take(take).collect(), request, total)
    }

    /// The same page with each row turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(f).collect(), pagination: self.pagination }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_between_one_and_a_hundred_rows() {
        assert!(PageRequest::new(1, 0).is_err());
        assert!(PageRequest::new(1, 101).is_err());
        assert!(PageRequest::new(0, 10).is_err());
        let page = Page::new(vec![1, 2], PageRequest::new(2, 10).unwrap(), 12);
        assert_eq!((page.pagination.total_pages, page.pagination.total_items), (2, 12));
        let rest = Page::of_all((1..=5).collect(), PageRequest::new(2, 3).unwrap());
        assert_eq!((rest.data, rest.pagination.total_pages), (vec![4, 5], 2));
        assert!(Page::of_all(vec![1], PageRequest::new(9, 10).unwrap()).data.is_empty());
    }
}
