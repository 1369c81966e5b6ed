/** The shop's time. A device's own clock may be wrong by hours, so it is not asked: what counts is the `Date` of the shop's answers,
 *  carried on by a stop-watch (performance.now()) that nobody sets.
 *
 *  An answer's Date is whole seconds and was made before the answer came, so the shop's time is never earlier than it says: the
 *  latest of these lower bounds is the best one. It stays within a second and the way of one answer. A stop-watch that stood still
 *  while the device slept is put right by the next answer. */

let offset = null; /* shop's time less stop-watch, ms */
let waiting = []; /* who wants to know when the time is known */

/** Takes in an answer's Date (text), or a moment that the shop has told of (ms since the epoch). */
export function hearTime(when, watch = performance.now()) {
    const at = typeof when === 'number' ? when : Date.parse(when);
    if (Number.isFinite(at) && (offset === null || at - watch > offset)) {
        offset = at - watch;
        waiting.splice(0).forEach((then) => then());
    }
}

/** Kept when the shop's time has been heard, which is with its first answer. */
export function timeIsKnown() {
    return offset === null ? new Promise((then) => waiting.push(then)) : Promise.resolve();
}

/** The shop's time in ms since the epoch; before its first answer the device's, which is then better than nothing. */
export function now() {
    return offset === null ? Date.now() : performance.now() + offset;
}

/** For tests. */
export function forgetTime() {
    offset = null;
}
