/** Orders on their way to the shop.
 *
 *  An order is sent under an Idempotency-Key that is remembered before it goes out. However often it is sent (a double touch, a lost
 *  answer, a reload half-way, another window), the shop makes one order of it. It is sent by itself for ten minutes; after that the
 *  customer may have left or ordered elsewhere, so it is asked about. While there is no answer it can be withdrawn. */
import * as api from '../shared/api.js';
import { now, timeIsKnown } from '../shared/clock.js';
import { KeptList } from '../shared/kept.js';

const AGAIN_MS = 1_500;
const BUSY_AGAIN_MS = 5_000; /* payment is given a rest for so long */
const HELP_AFTER_MS = 5_000; /* another window's order: it may have been closed */
const ASK_AFTER_MS = 600_000;
const CLOCK_SLACK_MS = 60_000; /* an order of later than now was remembered by a clock that was wrong */
const MOST_PENDING = 30;
const SAID = { 'payment-busy': 'busy', 'outcome-unknown': 'unknown' }; /* a problem's type: the phase */

const isPending = (one) =>
    typeof one?.key === 'string' && typeof one.productName === 'string' && Number.isSafeInteger(one.qty) && one.qty > 0 && Number.isFinite(one.at);

/** Whether an order of `at` is sent by itself. */
export const isFresh = (at, when) => when - at < ASK_AFTER_MS && at - when < CLOCK_SLACK_MS;

/* What is known of an order that isn't sent any more, by how its last sending ended (`why`: api.js). */
function leftBy(why) {
    return why?.unchanged ? 'dropped' : why?.problem?.ordered === false ? 'unordered' : 'withdrawn';
}

export class Sending {
    /** @param onChange  draw
     *  @param onPlaced  (order): the shop has it; gives a promise
     *  @param onNews    ('placed' | 'refused', order or entry): for those who can't see it */
    constructor({ onChange, onPlaced, onNews }) {
        Object.assign(this, { onChange, onPlaced, onNews });
        this.kept = new KeptList('pending', { keyOf: (one) => one.key, isEntry: isPending, most: MOST_PENDING, order: (a, b) => b.at - a.at });
        this.entries = this.kept.all();
        this.under = new Map(); /* key: {busy, waiting, said, why, timer, old, offer} of those that are kept */
        this.notes = []; /* what came of some: {…entry, phase: 'refused' | 'declined' | 'withdrawn' | 'unordered' | 'dropped', detail, reason}, until it has been read */
        this.kept.onChange(() => this.#look());
    }

    async start() {
        await timeIsKnown(); /* how old one is depends on it */
        this.entries.forEach((one) => this.#send(one.key));
    }

    /** [{key, productName, qty, amount, currency, phase, offer, detail}]. `phase`:
     *    sending    it is under way
     *    waiting    there was no answer yet
     *    busy       it can't be paid at the moment, so it isn't ordered; it is sent again by itself
     *    unknown    the shop can't tell yet whether it is paid, and so ordered; it is sent again by itself
     *    old        it isn't sent by itself any more
     *    price      the shop's price is another one: `offer` {amount, currency}
     *    refused    the shop said no: `detail`
     *    declined   it isn't paid, and so not ordered: `reason`
     *    withdrawn  it isn't sent any more; whether it is ordered is not known
 *    unordered  it isn't sent any more, and isn't ordered; whether it was paid is not known, and what was promised goes back
     *    dropped    it isn't sent any more, and nothing has come of it: the shop has said so */
    list() {
        return [...this.entries.map((one) => ({ ...one, phase: this.#phase(one), offer: this.under.get(one.key)?.offer })), ...this.notes];
    }

    #phase(one) {
        const { old, offer, waiting, said } = this.under.get(one.key) ?? {};
        return offer ? 'price' : old ? 'old' : said ?? (waiting ? 'waiting' : 'sending');
    }

    /** `entry` {key, productName, qty, amount, currency}; the same key again is the same order. */
    async place(entry) {
        if (this.under.has(entry.key)) {
            return;
        }
        this.under.set(entry.key, {});
        await this.#keep({ ...entry, at: now() });
        this.#send(entry.key);
    }

    /** The customer wants an old one after all, at the price shown now if none was shown then. */
    async resend({ key }, shown) {
        const one = this.entries.find((each) => each.key === key);
        this.under.set(key, {});
        await this.#keep({ ...shown, ...one, at: now() });
        this.#send(key);
    }

    /** The customer takes the other price: that is another order. */
    async accept({ key, offer, productName, qty }) {
        await this.kept.remove(key);
        await this.place({ key: api.newKey(), productName, qty, ...offer });
    }

    async withdraw({ key, phase }) {
        const one = this.entries.find((each) => each.key === key);
        const { timer, why, busy } = this.under.get(key) ?? {};
        clearTimeout(timer);
        await this.kept.remove(key);
        if (one && phase !== 'price') { /* that one had been answered */
            this.#note({ ...one, phase: busy ? 'withdrawn' : leftBy(why) });
        }
        this.#look();
    }

    /** It has been read what came of it. */
    dismiss({ key }) {
        this.notes = this.notes.filter((one) => one.key !== key);
        this.onChange();
    }

    /* One of each order: what is known later takes its place. */
    #note(note) {
        this.notes = [...this.notes.filter((one) => one.key !== note.key), note];
    }

    async #keep(entry) {
        await this.kept.put(entry);
        this.#look();
    }

    #look() {
        this.entries = this.kept.all();
        for (const { key } of this.entries.filter((one) => !this.under.has(one.key))) {
            this.under.set(key, { timer: setTimeout(() => this.#send(key), HELP_AFTER_MS) });
        }
        for (const key of this.under.keys()) {
            if (!this.under.get(key).busy && !this.entries.some((one) => one.key === key)) {
                clearTimeout(this.under.get(key).timer);
                this.under.delete(key);
            }
        }
        this.onChange();
    }

    async #send(key) {
        const one = this.kept.all().find((each) => each.key === key);
        const state = this.under.get(key) ?? {};
        this.under.set(key, state);
        if (!one || state.busy || !isFresh(one.at, now())) {
            state.old = Boolean(one) && !state.busy;
            this.#look();
            return;
        }
        state.busy = true;
        state.timer = setTimeout(() => this.#waits(state), AGAIN_MS);
        try {
            const order = await api.placeOrder(one);
            await this.kept.remove(key);
            this.dismiss(one); /* it was withdrawn too late */
            await this.onPlaced(order);
        } catch (why) {
            await this.#failed(one, state, why);
        }
        state.busy = false;
        this.#look();
    }

    #waits(state) {
        state.waiting = true;
        this.onChange();
    }

    async #failed(one, state, why) {
        clearTimeout(state.timer);
        if (why instanceof api.Refused && why.status === 409 && why.member === 'amount') {
            state.offer = { amount: why.problem.amount, currency: why.problem.currency };
            this.onNews('price', one);
        } else if (why instanceof api.Refused && why.status !== 409) {
            const phase = why.status === 402 ? 'declined' : 'refused';
            await this.kept.remove(one.key);
            this.#note({ ...one, phase, detail: why.detail, reason: why.problem.reason });
            this.onNews(phase, one);
        } else if (!this.kept.all().some((each) => each.key === one.key)) {
            this.notes = this.notes.map((note) => (note.key === one.key ? { ...note, phase: leftBy(why) } : note)); /* it was withdrawn meanwhile */
        } else {
            Object.assign(state, { waiting: true, said: SAID[why.problem?.type], why });
            state.timer = setTimeout(() => this.#send(one.key), state.said === 'busy' ? BUSY_AGAIN_MS : AGAIN_MS);
        }
    }
}
