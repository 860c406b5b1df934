//! The canonical encoding of structs and enums, from a list of their parts.

/// Implements the canonical encoding of a struct: its fields in the order named here.
#[macro_export]
macro_rules! fields {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::codec::Write for $name {
            fn write(&self, buf: &mut impl $crate::codec::BufMut) {
                $($crate::codec::Write::write(&self.$field, buf);)*
            }
        }

        impl $crate::codec::EncodeSize for $name {
            fn encode_size(&self) -> usize {
                0_usize$(.saturating_add($crate::codec::EncodeSize::encode_size(&self.$field)))*
            }
        }

        impl $crate::codec::Read for $name {
            type Cfg = ();

            fn read_cfg(
                buf: &mut impl $crate::codec::Buf,
                (): &(),
            ) -> Result<Self, $crate::codec::Error> {
                Ok(Self { $($field: $crate::codec::ReadExt::read(buf)?),* })
            }
        }
    };
}

/// Implements the canonical encoding of one value of a fixed length under a name of its own.
#[macro_export]
macro_rules! newtype {
    ($name:ident($inner:ty)) => {
        impl $crate::codec::Write for $name {
            fn write(&self, buf: &mut impl $crate::codec::BufMut) {
                $crate::codec::Write::write(&self.0, buf);
            }
        }

        impl $crate::codec::EncodeSize for $name {
            fn encode_size(&self) -> usize {
                size_of::<$inner>()
            }
        }

        impl $crate::codec::Read for $name {
            type Cfg = ();

            fn read_cfg(
                buf: &mut impl $crate::codec::Buf,
                (): &(),
            ) -> Result<Self, $crate::codec::Error> {
                <$inner as $crate::codec::ReadExt>::read(buf).map(Self)
            }
        }
    };
}

/// Implements the canonical encoding of an enum of tuple and unit variants: one tag byte, then the
/// fields.
#[macro_export]
macro_rules! variants {
    (
        $name:ident {
            $($tag:literal => $variant:ident$(($($field:ident: $type:ty),*))?),* $(,)?
        }
    ) => {
        impl $crate::codec::Write for $name {
            fn write(&self, buf: &mut impl $crate::codec::BufMut) {
                match self {
                    $(Self::$variant$(($($field),*))? => {
                        buf.put_u8($tag);
                        $($($crate::codec::Write::write($field, buf);)*)?
                    })*
                }
            }
        }

        impl $crate::codec::EncodeSize for $name {
            fn encode_size(&self) -> usize {
                match self {
                    $(Self::$variant$(($($field),*))? => {
                        1_usize$($(
                            .saturating_add($crate::codec::EncodeSize::encode_size($field))
                        )*)?
                    })*
                }
            }
        }

        impl $crate::codec::Read for $name {
            type Cfg = ();

            fn read_cfg(
                buf: &mut impl $crate::codec::Buf,
                (): &(),
            ) -> Result<Self, $crate::codec::Error> {
                match <u8 as $crate::codec::ReadExt>::read(buf)? {
                    $($tag => Ok(Self::$variant$((
                        $(<$type as $crate::codec::ReadExt>::read(buf)?),*
                    ))?),)*
                    tag => Err($crate::codec::Error::InvalidEnum(tag)),
                }
            }
        }
    };
}

/// Implements the canonical encoding of an enum without fields: one tag byte.
#[macro_export]
macro_rules! tags {
    ($name:ident { $($tag:literal => $variant:ident),* $(,)? }) => {
        impl $crate::codec::Write for $name {
            fn write(&self, buf: &mut impl $crate::codec::BufMut) {
                buf.put_u8(match self { $(Self::$variant => $tag),* });
            }
        }

        impl $crate::codec::EncodeSize for $name {
            fn encode_size(&self) -> usize {
                1
            }
        }

        impl $crate::codec::Read for $name {
            type Cfg = ();

            fn read_cfg(
                buf: &mut impl $crate::codec::Buf,
                (): &(),
            ) -> Result<Self, $crate::codec::Error> {
                match <u8 as $crate::codec::ReadExt>::read(buf)? {
                    $($tag => Ok(Self::$variant),)*
                    tag => Err($crate::codec::Error::InvalidEnum(tag)),
                }
            }
        }
    };
}
