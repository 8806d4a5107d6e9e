// SPDX-License-Identifier: GPL-2.0

//! A disk that keeps its data in memory.
//!
//! `insmod rust_blk_ram.ko mib=64` makes `/dev/rblkram`. Unlike `rust_blk_minimal.rs`, this has
//! queue data, a module parameter, several hardware queues, lists of requests, and discards.

use kernel::{
    block::{
        mq::{
            CompletionBatch,
            GenDisk,
            GenDiskBuilder,
            Idle,
            InFlight,
            Operations,
            OwnedRequest,
            QueueResult,
            RequestList,
            TagSet,
            TagSetBuilder, //
        },
        DataPage,
        Op,
        Segment,
        Status,
        PAGE_SECTORS_SHIFT,
        SECTOR_SHIFT, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

module! {
    type: RamModule,
    name: "rust_blk_ram",
    authors: ["Seed 422af444 maintainers"],
    description: "RAM disk in Rust",
    license: "GPL",
    params: {
        mib: u32 {
            default: 16,
            description: "Size in MiB",
        },
    },
}

/// The driver.
enum Ram {}

/// The memory of a disk. A [`DataPage`] needs no lock: concurrent I/O to the same bytes leaves a
/// mixture, as on any disk.
struct Memory(KVVec<DataPage>);

impl Memory {
    fn new(mib: u32) -> Result<Self> {
        let count = (mib as usize) << (20 - PAGE_SIZE.trailing_zeros());
        let mut pages = KVVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            pages.push(DataPage::new(GFP_KERNEL)?, GFP_KERNEL)?;
        }
        Ok(Self(pages))
    }

    fn sectors(&self) -> u64 {
        (self.0.len() as u64) << PAGE_SECTORS_SHIFT
    }

    /// Divides the `len` bytes from the disk's byte `at` on by pages. Calls `access` with each
    /// page, the offset in the page, the offset in the range, and the length, all in bytes.
    fn for_each_piece(
        &self,
        at: usize,
        len: usize,
        mut access: impl FnMut(&DataPage, usize, usize, usize) -> Result,
    ) -> Result {
        let mut done = 0;
        while done < len {
            let offset = (at + done) % PAGE_SIZE;
            let piece = (PAGE_SIZE - offset).min(len - done);
            let page = self.0.get((at + done) / PAGE_SIZE).ok_or(EIO)?;
            access(page, offset, done, piece)?;
            done += piece;
        }
        Ok(())
    }

    fn transfer(&self, op: Op, at: usize, segment: &Segment<'_>) -> Result {
        self.for_each_piece(at, segment.len(), |page, offset, done, len| {
            if op == Op::READ {
                segment.copy_from_page(done, page, offset, len)
            } else {
                segment.copy_to_page(done, page, offset, len)
            }
        })
    }

    /// Executes the request.
    fn execute(&self, rq: &OwnedRequest<Ram, InFlight>) -> Result {
        let mut at = usize::try_from(rq.sector() << SECTOR_SHIFT)?;
        match rq.op() {
            op @ (Op::READ | Op::WRITE) => {
                for segment in rq.segments() {
                    self.transfer(op, at, &segment)?;
                    at += segment.len();
                }
                Ok(())
            }
            // A discarded block reads as zeroes here. Other disks need not do that.
            Op::DISCARD | Op::WRITE_ZEROES => {
                self.for_each_piece(at, rq.bytes() as usize, |page, offset, _, len| {
                    page.fill(offset, len, 0)
                })
            }
            _ => Err(EOPNOTSUPP),
        }
    }

    fn status(&self, rq: &OwnedRequest<Ram, InFlight>) -> Status {
        self.execute(rq).map_or_else(Status::from, |()| Status::OK)
    }
}

#[vtable]
impl Operations for Ram {
    type QueueData = KBox<Memory>;
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq<'call>(
        memory: &Memory,
        rq: OwnedRequest<Self, Idle<'call>>,
        _is_last: bool,
    ) -> QueueResult<'call, Self> {
        let rq = rq.start();
        let status = memory.status(&rq);
        rq.end(status);
        Ok(())
    }

    /// Optional: requests that were submitted together end together, which is cheaper.
    fn queue_rqs<'call>(
        memory: &Memory,
        requests: RequestList<Self, Idle<'call>>,
    ) -> RequestList<Self, Idle<'call>> {
        CompletionBatch::scope(|batch| {
            for rq in requests {
                let rq = rq.start();
                let status = memory.status(&rq);
                rq.end_batched(status, batch);
            }
        });
        // No request is left for `queue_rq`.
        RequestList::new()
    }
}

struct RamModule {
    _disk: GenDisk<Ram>,
}

impl kernel::Module for RamModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let memory = KBox::new(Memory::new(module_parameters::mib.value())?, GFP_KERNEL)?;
        let tags = TagSetBuilder::new()
            .submit_queues(kernel::cpu::nr_cpu_ids())
            .queue_depth(128)
            .no_scheduler_by_default();
        let tag_set = Arc::pin_init(TagSet::new(tags), GFP_KERNEL)?;
        let disk = GenDiskBuilder::new()
            .capacity_sectors(memory.sectors())
            .physical_block_size(PAGE_SIZE as u32)
            .max_hw_discard_sectors(u32::MAX >> SECTOR_SHIFT)
            .max_write_zeroes_sectors(u32::MAX >> SECTOR_SHIFT)
            .build(c"rblkram", tag_set, memory)?;
        Ok(Self { _disk: disk })
    }
}
