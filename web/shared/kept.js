/** A list that this device remembers and that all its windows share: what is stored is the list, a window only shows it.
 *
 *  A change is made to what is stored at that moment, under a lock (Web Locks), never to what a window read before; so a window can't
 *  write away what another one has added. What was removed leaves a tombstone for a day: an answer that comes late, in a window that
 *  slept meanwhile, can't bring it back. Where there are no locks (a page over plain HTTP from another machine) a change is still one
 *  reading and writing without a pause between, and tombstones and storage events make the windows agree. */
import { recall, remember, watch } from './storage.js';

const TOMBSTONE_MS = 86_400_000;
const MOST_TOMBSTONES = 200;

const locked = (name, change) => (globalThis.navigator?.locks ? navigator.locks.request(`coffeeshop.${name}`, change) : Promise.resolve(change()));

/* A window that lies in the back/forward cache hears of no change: it looks again when it comes back. */
function onReturn(then) {
    addEventListener('pageshow', (event) => event.persisted && then());
}

/** Until when what was removed stays out: {key: ms since the epoch, by the device's clock}, without those that are over. A moment too
 *  far away is a clock's that was wrong: it is over, too. */
export function standing(tombstones, at) {
    const left = Object.entries(tombstones).filter(([, until]) => until > at && until <= at + TOMBSTONE_MS);
    return Object.fromEntries(left.sort(([, a], [, b]) => b - a).slice(0, MOST_TOMBSTONES));
}

export class KeptList {
    /** @param name     what it is remembered under; its tombstones under `<name>.gone`
     *  @param keyOf    an entry's key, as text
     *  @param isEntry  whether something that was remembered is an entry: it may be another version's, or broken
     *  @param most     so many are kept, the first ones by `order` (as Array.sort() takes it) */
    constructor(name, { keyOf, isEntry, most, order }) {
        Object.assign(this, { name, keyOf, isEntry, most, order });
    }

    /** What is stored now. */
    all() {
        const gone = this.#gone();
        return recall(this.name, []).filter((entry) => this.isEntry(entry) && !Object.hasOwn(gone, this.keyOf(entry)));
    }

    /** Calls `then` when another window has changed it, or may have. */
    onChange(then) {
        watch(this.name, then);
        watch(`${this.name}.gone`, then);
        onReturn(then);
    }

    /** Adds it, or puts it in the place of the one with its key. One that was removed stays removed, unless it is wanted `again`.
     *  This and remove() give a promise that is kept when it is stored. */
    put(entry, { again = false } = {}) {
        return locked(this.name, () => {
            const key = this.keyOf(entry);
            const { [key]: removed, ...gone } = this.#gone();
            if (removed && !again) {
                return;
            }
            if (removed) {
                remember(`${this.name}.gone`, gone);
            }
            const others = this.all().filter((one) => this.keyOf(one) !== key);
            remember(this.name, [...others, entry].sort(this.order).slice(0, this.most));
        });
    }

    remove(key) {
        return locked(this.name, () => {
            remember(`${this.name}.gone`, { ...this.#gone(), [key]: Date.now() + TOMBSTONE_MS });
            remember(this.name, this.all());
        });
    }

    #gone() {
        return standing(recall(`${this.name}.gone`, {}), Date.now());
    }
}
