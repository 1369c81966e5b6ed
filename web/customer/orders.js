/** The orders of this device: what was ordered, what is still being sent, what is known of each, live.
 *
 *  An order is sent under an Idempotency-Key that is remembered before it goes out. However often it is sent (a double touch, a lost
 *  answer, a reload half-way), the shop makes one order of it.
 *
 *  What is known of an order only ever goes forward: of two rows the one with the longer timeline is the newer, and an order that has
 *  ended stays ended, in whatever order the answers come in. */
import * as api from '../shared/api.js';
import { hearTime, now } from '../shared/clock.js';
import { follow } from '../shared/follow.js';
import { recall, remember, watch } from '../shared/storage.js';

const MOST_REMEMBERED = 30;
const MOST_FOLLOWED = 20;
const AGAIN_MS = 1_500;
const TICKET_AGAIN_MS = 500;
const KEY_LASTS_MS = 3_600_000; /* an order that could not be sent for so long is not sent any more */

const ENDED = new Set(['Completed', 'Canceled']);

export const hasEnded = (row) => ENDED.has(row.orderStatus);

/* What this device remembers may be another version's, or broken. */
const isNumber = (id) => Number.isSafeInteger(id) && id > 0;
const isPending = (one) => typeof one?.key === 'string' && typeof one.productName === 'string' && isNumber(one.qty) && Number.isFinite(one.at);

/** The one that is newer, of two rows of the same order; `old` may be missing. */
export function newerRow(old, row) {
    if (!old) {
        return row;
    }
    if (hasEnded(old) && !hasEnded(row)) {
        return old;
    }
    return row.timeline.length >= old.timeline.length || (hasEnded(row) && !hasEnded(old)) ? row : old;
}

/** An order as its owner tells of it, as a row of the view, which may not have heard of it yet. */
export function rowOfOrder(order) {
    const timeline = [{ at: order.createdAt, type: 'Ordered', status: 'Requested' }];
    if (order.status !== 'Requested') {
        timeline.push({ at: order.updatedAt, type: order.status === 'Canceled' ? 'OrderCanceled' : 'Seen', status: order.status });
    }
    return { orderId: order.id, orderStatus: order.status, productName: order.productName, qty: order.qty, timeline };
}

export class Orders {
    /** @param onChange  something is new: draw
     *  @param onNews    (kind, entry): for those who can't see it */
    constructor(onChange, onNews) {
        this.onChange = onChange;
        this.onNews = onNews;
        this.entries = new Map(recall('orders', []).filter(isNumber).map((id) => [id, { id }]));
        this.pending = recall('pending', []).filter(isPending);
        this.link = 'idle';
        this.asOf = null;
        this.stream = null;
        this.sending = new Set();
        watch('orders', () => this.#hearOtherWindow());
    }

    start() {
        for (const id of this.entries.keys()) {
            this.#load(id);
        }
        this.pending.forEach((one) => this.#send(one));
    }

    /** Newest first. */
    list() {
        return [...this.entries.values()].filter((entry) => entry.row || entry.missing).sort((a, b) => b.id - a.id);
    }

    /** Sends an order; the same key again is the same order. */
    place(productName, qty, key) {
        if (this.sending.has(key) || this.pending.some((one) => one.key === key)) {
            return;
        }
        const one = { key, productName, qty, at: now() };
        this.pending = [...this.pending, one];
        remember('pending', this.pending);
        this.#send(one);
        this.onChange();
    }

    /** Takes in an order by its number. */
    open(id) {
        if (!this.entries.has(id)) {
            this.entries.set(id, { id });
            this.#remember();
        }
        return this.#load(id);
    }

    forget(id) {
        this.entries.delete(id);
        this.#remember();
        this.#followActive();
        this.onChange();
    }

    async cancel(id) {
        const entry = this.entries.get(id);
        if (entry.canceling) {
            return;
        }
        Object.assign(entry, { canceling: true, answer: null });
        this.onChange();
        try {
            this.#take(rowOfOrder(await api.cancelOrder(id)));
            setTimeout(() => this.entries.has(id) && this.#load(id), AGAIN_MS); /* the view's own words for it */
        } catch (why) {
            entry.answer = why instanceof api.Refused && why.status === 409 ? 'tooLate' : 'notNow';
            this.onNews(entry.answer, entry);
            this.#load(id);
        }
        entry.canceling = false;
        this.onChange();
    }

    async #send(one) {
        this.sending.add(one.key);
        try {
            const order = await api.placeOrder(one.productName, one.qty, one.key);
            this.#settle(one);
            this.entries.set(order.id, { id: order.id });
            this.#remember();
            this.#take(rowOfOrder(order));
            this.onNews('placed', this.entries.get(order.id));
        } catch (why) {
            if (why instanceof api.Refused && why.status !== 409) {
                one.refused = why.detail;
                this.onNews('refused', one);
            } else if (now() - one.at > KEY_LASTS_MS) {
                one.refused = '';
            } else {
                one.waiting = true;
                setTimeout(() => this.#send(one), AGAIN_MS);
            }
            remember('pending', this.pending.filter((each) => each.refused === undefined));
        }
        this.sending.delete(one.key);
        this.onChange();
    }

    /** The answer is there, or a refusal has been read. */
    #settle(one) {
        this.pending = this.pending.filter((each) => each.key !== one.key);
        remember('pending', this.pending.filter((each) => each.refused === undefined));
    }

    dismiss(one) {
        this.#settle(one);
        this.onChange();
    }

    async #load(id) {
        const entry = this.entries.get(id);
        try {
            this.#take(await this.#ask(id));
            entry.missing = false;
        } catch (why) {
            if (why instanceof api.Refused) {
                entry.missing = true;
            } else if (this.entries.has(id)) {
                setTimeout(() => this.#load(id), AGAIN_MS);
            }
        }
        this.onChange();
    }

    /** The view's row; what the view has not heard of yet is asked of the order's owner. */
    async #ask(id) {
        try {
            return await api.mypage(id);
        } catch (why) {
            if (why instanceof api.Refused && why.status === 404) {
                return rowOfOrder(await api.order(id));
            }
            throw why;
        }
    }

    #take(row) {
        const entry = this.entries.get(row.orderId);
        if (!entry) {
            return;
        }
        const before = entry.row;
        entry.row = newerRow(before, row);
        row.timeline.forEach((one) => hearTime(Date.parse(one.at)));
        if (entry.row.orderStatus !== 'Requested') {
            entry.ticket = null;
        } else if (!entry.ticket) {
            this.#askTicket(entry);
        }
        if (before && before.orderStatus !== entry.row.orderStatus) {
            entry.answer = entry.answer === 'tooLate' ? entry.answer : null;
            this.onNews('status', entry);
        }
        this.asOf = now();
        this.#followActive();
        this.onChange();
    }

    /** When the kitchen starts it, which is how long it can be cancelled. */
    async #askTicket(entry) {
        if (entry.askingTicket) {
            return;
        }
        entry.askingTicket = true;
        const found = await api.ticketOf(entry.id).catch(() => null);
        entry.askingTicket = false;
        if (found && found.status === 'Ready' && entry.row.orderStatus === 'Requested') {
            entry.ticket = { startsAt: found.startsAt ? Date.parse(found.startsAt) : null };
            this.onChange();
        } else if (this.entries.has(entry.id) && entry.row.orderStatus === 'Requested') {
            setTimeout(() => this.#askTicket(entry), TICKET_AGAIN_MS);
        }
    }

    #followActive() {
        const active = this.list().filter((entry) => entry.row && !hasEnded(entry.row)).slice(0, MOST_FOLLOWED).map((entry) => entry.id);
        const path = api.streamOf(active.sort((a, b) => a - b));
        if (active.length === 0) {
            this.stream?.close();
            this.stream = null;
            this.link = 'idle';
        } else if (this.stream) {
            this.stream.go(path);
        } else {
            this.stream = follow({
                path,
                onEvent: (event) => this.#hear(event),
                onState: (state) => this.#linkIs(state),
                onOpen: () => this.#loadActive(),
            });
        }
    }

    #hear(event) {
        if (event.name === 'reset') {
            this.#loadActive();
        } else if (event.name === 'mypage') {
            this.#take(JSON.parse(event.data));
        }
    }

    #loadActive() {
        const active = this.list().filter((entry) => entry.row && !hasEnded(entry.row));
        return Promise.all(active.map((entry) => this.#load(entry.id)));
    }

    #linkIs(state) {
        if (state === 'lost') {
            this.asOf = this.link === 'live' ? now() : this.asOf;
        }
        this.link = state;
        this.onChange();
    }

    #remember() {
        const ids = [...this.entries.keys()].sort((a, b) => b - a).slice(0, MOST_REMEMBERED);
        remember('orders', ids);
    }

    /** Another window of this device has ordered. */
    #hearOtherWindow() {
        for (const id of recall('orders', []).filter(isNumber)) {
            if (!this.entries.has(id)) {
                this.open(id);
            }
        }
    }
}
