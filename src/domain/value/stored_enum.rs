//! One way to write an enum whose values have a fixed storage number and a fixed name.

/// Declares a field-less enum with storage numbers (never to be changed) and names (files, command line).
macro_rules! stored_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            borsh::BorshSerialize, borsh::BorshDeserialize,
        )]
        #[borsh(use_discriminant = true)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant = $number),+ }

        impl $name {
            /// Every value, in order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The storage number.
            pub fn number(self) -> i64 {
                match self { $($name::$variant => $number),+ }
            }

            /// The value with this storage number.
            pub fn from_number(number: i64) -> Option<$name> {
                match number { $($number => Some($name::$variant),)+ _ => None }
            }

            /// Name in files and on the command line.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<$name> {
                match name { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl $crate::domain::value::column::Column for $name {
            fn to_value(&self) -> $crate::domain::value::column::Value<'_> {
                $crate::domain::value::column::Value::Int(self.number())
            }
            fn from_value(value: $crate::domain::value::column::Value<'_>) -> Option<$name> {
                i64::from_value(value).and_then($name::from_number)
            }
        }
    };
}
pub(crate) use stored_enum;
