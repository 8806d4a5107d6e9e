// SPDX-License-Identifier: GPL-2.0

//! A request that has ended cannot be given back to the list it came in.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn submit<T: Operations>(requests: &mut RequestList<'_, T>, full: bool) {
    if let Some(rq) = requests.next() {
        if !full {
            rq.start().end_ok();
            #[cfg(right)]
            return;
        }
        requests.give_back(rq);
    }
}
