// SPDX-License-Identifier: GPL-2.0

//! A list of requests that were not started cannot be completed.
//@ error: E0599
//@ message: no method named `complete` found for struct `RequestList<T, Idle<'_>>`

include!("../prelude.rs");

fn finish<T: Operations>(requests: RequestList<T, Idle<'_>>) {
    #[cfg(right)]
    let requests = requests.fold(RequestList::new(), |mut started, rq| {
        started.push_back(rq.start());
        started
    });
    requests.complete();
}
