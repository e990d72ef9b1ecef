//! A table for people to look at: as text, and as a picture. Both ask the table what anybody can ask it, and are bounded in
//! size however large it is. As JSON a table is what `serde` makes of it (feature `serde`).

mod picture;
mod text;

pub use picture::Picture;
pub use text::Listing;
