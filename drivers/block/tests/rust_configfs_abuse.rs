// SPDX-License-Identifier: GPL-2.0

//! A configfs subsystem that can be dropped at any time.
//!
//! Safe code can drop a [`Subsystem`] while it has directories, and while user space creates and
//! removes some. [`kernel::configfs`] promises that this does no harm.
//!
//! Writing 1 to `rust_configfs_abuse/registered` in debugfs registers the subsystem
//! `rust_configfs_abuse`, and writing 0 drops it. User space can create directories in it, and in
//! these. Each has an attribute `kind`.

use kernel::{
    configfs::{
        configfs_attrs,
        AttributeOperations,
        Group,
        GroupOperations,
        Subsystem, //
    },
    debugfs,
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::Mutex,
    uaccess::UserSliceReader, //
};

module! {
    type: AbuseModule,
    name: "rust_configfs_abuse",
    authors: ["Seed 422af444 maintainers"],
    description: "Configfs subsystem that is dropped at any time",
    license: "GPL",
}

/// The directory of the subsystem.
struct Top {
    kind: u8,
}

/// A directory in it, at any depth.
struct Inner {
    kind: u8,
}

/// Shows the kind of a directory.
fn show(kind: u8, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
    page[0] = kind;
    page[1] = b'\n';
    Ok(2)
}

#[vtable]
impl AttributeOperations<0> for Top {
    type Data = Top;

    fn show(top: &Top, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        show(top.kind, page)
    }
}

#[vtable]
impl AttributeOperations<0> for Inner {
    type Data = Inner;

    fn show(inner: &Inner, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        show(inner.kind, page)
    }
}

/// Returns an initializer for the subsystem.
fn subsystem() -> impl PinInit<Subsystem<Top>, Error> {
    let item_type = configfs_attrs! {
        container: Subsystem<Top>,
        data: Top,
        child: Inner,
        attributes: [
            kind: 0,
        ],
    };

    Subsystem::new(
        c"rust_configfs_abuse",
        item_type,
        Ok::<_, Error>(Top { kind: b't' }),
    )
}

/// Returns an initializer for a directory in it.
fn directory(name: &CStr) -> Result<impl PinInit<Group<Inner>, Error>> {
    let item_type = configfs_attrs! {
        container: Group<Inner>,
        data: Inner,
        child: Inner,
        attributes: [
            kind: 0,
        ],
    };

    Ok(Group::new(
        name.try_into()?,
        item_type,
        Ok::<_, Error>(Inner { kind: b'i' }),
    ))
}

#[vtable]
impl GroupOperations for Top {
    type Child = Inner;

    fn make_group(&self, name: &CStr) -> Result<impl PinInit<Group<Inner>, Error>> {
        directory(name)
    }
}

#[vtable]
impl GroupOperations for Inner {
    type Child = Inner;

    fn make_group(&self, name: &CStr) -> Result<impl PinInit<Group<Inner>, Error>> {
        directory(name)
    }
}

/// The subsystem, if it is registered.
type Registered = Mutex<Option<Pin<KBox<Subsystem<Top>>>>>;

fn write_registered(registered: &Registered, from: &mut UserSliceReader) -> Result {
    match from.read::<u8>()? {
        b'1' => {
            let mut registered = registered.lock();
            if registered.is_some() {
                return Err(EEXIST);
            }
            *registered = Some(KBox::pin_init(subsystem(), GFP_KERNEL)?);
        }
        b'0' => {
            // Dropped without the lock, so that the next one can be registered meanwhile.
            let subsystem = registered.lock().take().ok_or(ENOENT)?;
            drop(subsystem);
        }
        _ => return Err(EINVAL),
    }
    Ok(())
}

#[pin_data]
struct AbuseModule {
    #[pin]
    _registered: debugfs::File<Registered>,
    _directory: debugfs::Dir,
}

impl kernel::InPlaceModule for AbuseModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(|| {
            let directory = debugfs::Dir::new(c"rust_configfs_abuse");
            Ok(try_pin_init!(Self {
                _registered <- directory.write_callback_file(
                    c"registered",
                    new_mutex!(None),
                    &write_registered,
                ),
                _directory: directory,
            }))
        })
    }
}
