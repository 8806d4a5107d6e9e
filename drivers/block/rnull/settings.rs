// SPDX-License-Identifier: GPL-2.0

//! The settings of a device.

mod limits;
pub(crate) mod params;
pub(crate) mod parse;
pub(crate) mod table;

use crate::{irq_mode::IrqMode, module_parameters as given};
use kernel::{
    block::{
        mq::AtomicWriteLimits,
        SECTOR_SHIFT, //
    },
    prelude::*,
    time::Delta, //
};
use table::settings;

/// Defines [`Config`] from the table of settings.
macro_rules! make_config {
    (@start $type:ty, = $start:expr, $param:ident) => {
        $start
    };
    (@start $type:ty, = $start:expr,) => {
        $start
    };
    (@start $type:ty, , $param:ident) => {
        params::get(&given::$param) as $type
    };
    (@fields [$($field:ident: $type:ty = $start:expr,)*]) => {
        /// The settings of a device, with their names in configfs.
        ///
        /// The values are those that the user wrote, until power-on checks and corrects them: see
        /// [`Config::normalize`]. Their units are in `Documentation/block/rnull.rst`.
        #[derive(Clone)]
        pub(crate) struct Config {
            $(pub(crate) $field: $type,)*
        }

        impl Config {
            /// Returns the settings of a new device, from the module parameters.
            pub(crate) fn new() -> Self {
                Self {
                    $($field: $start,)*
                }
            }
        }
    };
    (@fields [$($done:tt)*] $name:ident: own; $($rest:tt)*) => {
        make_config!(@fields [$($done)*] $($rest)*);
    };
    (
        @fields [$($done:tt)*]
        $name:ident: $type:ident $(= $start:expr)?, $when:ident
            $(($param:ident: $param_type:ty = $default:expr, $description:literal))?;
        $($rest:tt)*
    ) => {
        make_config!(
            @fields [
                $($done)*
                $name: $type = make_config!(@start $type, $(= $start)?, $($param)?),
            ]
            $($rest)*
        );
    };
    ($($rows:tt)*) => {
        make_config!(@fields [] $($rows)*);
    };
}

settings!(make_config);

/// The largest bandwidth limit, in MiB/s.
const MAX_MBPS: u32 = 40 * 1024;

/// The limits of settings that depend on the machine.
pub(crate) struct Machine {
    pub(crate) cpus: u32,
    /// NUMA nodes.
    pub(crate) nodes: u32,
    /// Hardware queues for polling: the module parameter.
    pub(crate) poll_queues: u32,
}

impl Machine {
    /// Returns the limits of this machine.
    pub(crate) fn this() -> Self {
        Self {
            cpus: kernel::cpu::nr_cpu_ids(),
            nodes: kernel::numa::online_nodes(),
            poll_queues: params::poll_queues(),
        }
    }

    /// Returns the number of hardware queues that a device can have at most.
    pub(crate) fn hw_queues(&self) -> u32 {
        self.cpus + self.poll_queues
    }
}

impl Config {
    /// Checks the settings at power-on, and replaces values that stand for others or exceed a
    /// limit.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the settings do not fit together; the reason is logged.
    pub(crate) fn normalize(&mut self, machine: &Machine) -> Result {
        match self.queue_mode {
            0 => {
                pr_err!("BIO-based IO path is no longer available, using blk-mq instead.\n");
                self.queue_mode = 2;
            }
            1 => {
                pr_err!("legacy IO path is no longer available\n");
                return Err(EINVAL);
            }
            _ => (),
        }

        self.submit_queues = if self.use_per_node_hctx {
            machine.nodes
        } else {
            self.submit_queues
        }
        .clamp(1, machine.cpus);
        self.poll_queues = self.poll_queues.min(machine.poll_queues);
        self.irqmode = self.irq_mode() as u32;

        if self.memory_backed {
            // Execution allocates memory, and may sleep.
            self.blocking = true;
        } else {
            // There is nothing to cache.
            self.cache_size = 0;
        }
        self.cache_size = self.cache_size.min(u64::MAX >> MIB_SHIFT);
        self.mbps = self.mbps.min(MAX_MBPS);
        if self.zoned && !self.zone_size.is_power_of_two() {
            pr_err!("zone_size must be power-of-two\n");
            return Err(EINVAL);
        }
        self.check_depth()?;
        // Configurations rejected above keep `discard`.
        self.normalize_discard();
        self.capacity_sectors()?;
        self.check_limits()?;
        if self.write_zeroes && self.zoned {
            // Such a request would have to start at the write pointer of its zone, and move it.
            pr_info!("write_zeroes option is ignored in zoned mode\n");
            self.write_zeroes = false;
        }
        Ok(())
    }

    fn normalize_discard(&mut self) {
        let reason = match self.discard {
            false => return,
            true if !self.memory_backed => "without memory backing",
            true if self.zoned => "in zoned mode",
            true => return,
        };
        pr_info!("discard option is ignored {}\n", reason);
        self.discard = false;
    }

    /// Checks whether a device that is on can change to these numbers of hardware queues.
    ///
    /// # Errors
    ///
    /// The reason why it cannot.
    pub(crate) fn may_resize(&self, machine: &Machine) -> Result<(), &'static str> {
        if self.shared_tags {
            Err("it shares its tags with other devices")
        } else if self.submit_queues == 0 {
            Err("there must be at least one")
        } else if self.submit_queues > machine.cpus {
            Err("there are not so many CPUs")
        } else if self.poll_queues > machine.poll_queues {
            Err("the module parameter poll_queues is less")
        } else {
            Ok(())
        }
    }

    /// Returns the completion mode.
    pub(crate) fn irq_mode(&self) -> IrqMode {
        IrqMode::numbered(self.irqmode)
    }

    /// Returns the capacity in sectors.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a block device cannot have this capacity; this is logged.
    pub(crate) fn capacity_sectors(&self) -> Result<u64> {
        if self.size > i64::MAX as u64 >> MIB_SHIFT {
            pr_err!("size is too large for a block device\n");
            return Err(EINVAL);
        }
        Ok(self.size << (MIB_SHIFT - SECTOR_SHIFT))
    }

    /// Returns whether latencies vary from request to request.
    pub(crate) fn varies_latency(&self) -> bool {
        let Self {
            completion_read_nsec,
            completion_write_nsec,
            completion_flush_nsec,
            completion_spread_nsec,
            completion_tail_nsec,
            ..
        } = *self;
        let by_operation = completion_read_nsec | completion_write_nsec | completion_flush_nsec;
        by_operation | completion_spread_nsec | completion_tail_nsec != 0
    }

    /// Returns the latency of a request, in the completion modes that have one.
    pub(crate) fn latency(&self) -> Delta {
        Delta::from_nanos(self.completion_nsec as i64)
    }

    /// Returns the limits of atomic writes, or `None` if there are none.
    pub(crate) fn atomic_writes(&self) -> Option<AtomicWriteLimits> {
        let unit_max = self.atomic_write_unit_max;
        (unit_max != 0).then(|| AtomicWriteLimits {
            unit_min: match self.atomic_write_unit_min {
                0 => self.block_size(),
                size => size,
            },
            unit_max,
            // No merging beyond the largest atomic write.
            max: unit_max,
            boundary: self.atomic_write_boundary,
        })
    }

    /// Returns the NUMA node to allocate on, or [`kernel::numa::NO_NODE`].
    pub(crate) fn node(&self) -> i32 {
        self.home_node as i32
    }
}

/// The size of a MiB in bytes, as a power of two.
pub(crate) const MIB_SHIFT: u32 = 20;

#[kunit_tests(rnull_config)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine {
        cpus: 8,
        nodes: 2,
        poll_queues: 3,
    };

    fn sectors(size: u64) -> Result<u64> {
        let mut config = Config::new();
        config.size = size;
        config.capacity_sectors()
    }

    fn normalized(change: impl FnOnce(&mut Config)) -> Result<Config> {
        let mut config = Config::new();
        change(&mut config);
        config.normalize(&MACHINE)?;
        Ok(config)
    }

    #[test]
    fn capacity_is_in_mib() {
        assert_eq!(sectors(0), Ok(0));
        assert_eq!(sectors(1), Ok(2048));
        assert_eq!(sectors(250 * 1024), Ok(250 * 1024 * 2048));
    }

    #[test]
    fn capacity_does_not_wrap() {
        assert_eq!(sectors((1 << 43) - 1), Ok(((1 << 43) - 1) << 11));
        assert_eq!(sectors(1 << 43), Err(EINVAL));
        assert_eq!(sectors(u64::MAX), Err(EINVAL));
    }

    #[test]
    fn irqmode_is_one_of_four() -> Result {
        for (given, irqmode) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 2), (u32::MAX, 2)] {
            assert_eq!(
                normalized(|config| config.irqmode = given)?.irqmode,
                irqmode
            );
        }
        Ok(())
    }

    #[test]
    fn queue_mode_is_refused_or_replaced() -> Result {
        assert_eq!(normalized(|config| config.queue_mode = 0)?.queue_mode, 2);
        assert_eq!(
            normalized(|config| config.queue_mode = 1).err(),
            Some(EINVAL)
        );
        assert_eq!(normalized(|config| config.queue_mode = 2)?.queue_mode, 2);
        assert_eq!(normalized(|config| config.queue_mode = 7)?.queue_mode, 7);
        Ok(())
    }

    #[test]
    fn zone_size_is_a_power_of_two() {
        let with = |size| normalized(|config| (config.zoned, config.zone_size) = (true, size));
        for size in [0, 3, 5, 257, u64::MAX] {
            assert_eq!(with(size).err(), Some(EINVAL));
        }
        for size in [1, 2, 256, 1024] {
            assert_eq!(with(size).err(), None);
        }
    }

    #[test]
    fn queues_are_limited() -> Result {
        for (given, queues) in [(0, 1), (1, 1), (8, 8), (9, 8), (u32::MAX, 8)] {
            let config = normalized(|config| config.submit_queues = given)?;
            assert_eq!(config.submit_queues, queues);
        }
        for (given, queues) in [(0, 0), (3, 3), (4, 3), (u32::MAX, 3)] {
            let config = normalized(|config| config.poll_queues = given)?;
            assert_eq!(config.poll_queues, queues);
        }
        for given in [0, 1, 2, 8] {
            let config = normalized(|config| {
                config.submit_queues = given;
                config.use_per_node_hctx = true;
            })?;
            assert_eq!(config.submit_queues, 2);
        }
        Ok(())
    }

    #[test]
    fn queues_of_a_live_device_are_limited() {
        let may = |submit_queues, poll_queues, shared_tags| {
            let mut config = Config::new();
            config.submit_queues = submit_queues;
            config.poll_queues = poll_queues;
            config.shared_tags = shared_tags;
            config.may_resize(&MACHINE).is_ok()
        };
        assert!(may(1, 0, false) && may(8, 3, false));
        assert!(!may(0, 1, false) && !may(9, 1, false) && !may(1, 4, false));
        assert!(!may(1, 1, true));
    }

    #[test]
    fn memory_backing_implies_blocking() -> Result {
        let config = normalized(|config| {
            config.memory_backed = true;
            config.discard = true;
            config.cache_size = u64::MAX;
        })?;
        assert!(config.blocking && config.discard);
        assert_eq!(config.cache_size, u64::MAX >> 20);
        Ok(())
    }

    #[test]
    fn features_of_the_store_need_memory_backing() -> Result {
        let config = normalized(|config| {
            config.discard = true;
            config.cache_size = 5;
        })?;
        assert!(!config.blocking && !config.discard);
        assert_eq!(config.cache_size, 0);
        Ok(())
    }

    #[test]
    fn rejected_configurations_keep_discard() {
        let discard_after = |change: fn(&mut Config)| {
            let mut config = Config::new();
            config.discard = true;
            change(&mut config);
            (config.normalize(&MACHINE).err(), config.discard)
        };
        assert_eq!(
            discard_after(|config| config.hw_queue_depth = 0),
            (Some(EINVAL), true)
        );
        assert_eq!(
            discard_after(|config| (config.zoned, config.zone_size) = (true, 3)),
            (Some(EINVAL), true)
        );
        // This check comes after `discard` was normalized.
        assert_eq!(
            discard_after(|config| config.max_sectors = 7),
            (Some(EINVAL), false)
        );
    }

    #[test]
    fn bandwidth_is_limited() -> Result {
        for (given, mbps) in [(0, 0), (1, 1), (40960, 40960), (40961, 40960)] {
            assert_eq!(normalized(|config| config.mbps = given)?.mbps, mbps);
        }
        Ok(())
    }
}
