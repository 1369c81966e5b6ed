/** The orders of this device: what is known of each, live. Those that are still being sent are sending.js's.
 *
 *  The view tells of them, by its stream of changes. What it doesn't know, because it is down or behind, is asked of whose it is: the
 *  order's own service, every two seconds without a stream, and with one whenever nothing was heard of an order for long. */
import * as api from '../shared/api.js';
import { hearTime, now } from '../shared/clock.js';
import { KeptList } from '../shared/kept.js';
import { followTogether } from '../shared/together.js';
import { hasEnded, isGivenUp, mayBePaidBack, newerRow, rowOfOrder } from './order_row.js';
import { Sending } from './sending.js';

const MOST_REMEMBERED = 30;
const AGAIN_MS = 1_500;
const TICKET_AGAIN_MS = 500;
const ASK_EVERY_MS = 2_000;
const QUIET_MS = 8_000; /* nothing was heard of an order: its owner is asked, then after twice as long, … */
const LONGEST_QUIET_MS = 64_000;
const MOST_PAID_BACK = 5; /* so many that may still be paid back are followed: a stream is of a few orders only */

/* What this device remembers may be another version's, or broken. */
const isNumber = (id) => Number.isSafeInteger(id) && id > 0;

export class Orders {
    /** @param onChange  something is new: draw
     *  @param onNews    (kind, entry): for those who can't see it */
    constructor(onChange, onNews) {
        this.onChange = onChange;
        this.onNews = onNews;
        this.kept = new KeptList('orders', { keyOf: String, isEntry: isNumber, most: MOST_REMEMBERED, order: (a, b) => b - a });
        this.entries = new Map(); /* id: {id, row, missing, ticket, canceling, answer, …} */
        this.sending = new Sending({ onChange, onNews, onPlaced: (order) => this.#placed(order) });
        this.link = 'idle'; /* the stream's state, while an order is on its way */
        this.streamState = 'idle';
        this.asOf = null;
        this.isReached = false; /* without a stream: whose it is answers */
        this.stream = null;
    }

    start() {
        this.kept.onChange(() => this.#look());
        this.#look();
        this.sending.start();
        setInterval(() => this.#askQuiet(), ASK_EVERY_MS);
    }

    /** Newest first. */
    list() {
        return [...this.entries.values()].filter((entry) => entry.row || entry.missing).sort((a, b) => b.id - a.id);
    }

    #active() {
        return this.list().filter((entry) => entry.row && !hasEnded(entry.row));
    }

    #followed() {
        const done = this.list().filter((entry) => entry.row && mayBePaidBack(entry.row, now()));
        return [...this.#active(), ...done.slice(0, MOST_PAID_BACK)].map((entry) => entry.id);
    }

    /** Takes in an order by its number. */
    async open(id) {
        await this.kept.put(id, { again: true });
        const isNew = !this.entries.has(id);
        this.#look();
        if (!isNew) {
            await this.#load(id);
        }
    }

    async forget(id) {
        this.entries.delete(id);
        this.onChange();
        await this.kept.remove(String(id));
        this.#look();
    }

    async cancel(id) {
        const entry = this.entries.get(id);
        if (entry.canceling) {
            return;
        }
        Object.assign(entry, { canceling: true, answer: null });
        this.onChange();
        try {
            this.#take(rowOfOrder(await api.cancelOrder(id), entry.row));
            setTimeout(() => this.entries.has(id) && this.#load(id), AGAIN_MS); /* the view's own words for it */
        } catch (why) {
            const isTooLate = why instanceof api.Refused && why.status === 409;
            entry.answer = isTooLate ? 'tooLate' : why.unchanged ? 'notNow' : 'unknown';
            this.onNews(entry.answer, entry);
            this.#askOwner(entry);
        }
        entry.canceling = false;
        this.onChange();
    }

    async #placed(order) {
        await this.kept.put(order.id);
        if (this.kept.all().includes(order.id)) {
            this.entries.set(order.id, this.entries.get(order.id) ?? { id: order.id });
            this.#take(rowOfOrder(order, this.entries.get(order.id).row));
            this.onNews('placed', this.entries.get(order.id));
        }
    }

    /** What is shown is what is remembered: this or another window may have changed it. */
    #look() {
        const ids = new Set(this.kept.all());
        for (const id of this.entries.keys()) {
            if (!ids.has(id)) {
                this.entries.delete(id);
            }
        }
        for (const id of ids) {
            if (!this.entries.has(id)) {
                this.entries.set(id, { id });
                this.#load(id);
            }
        }
        this.#follow();
        this.onChange();
    }

    /** Asks the view, and where it has no answer the owner. */
    async #load(id) {
        const row = this.entries.get(id)?.row;
        try {
            this.#take(await api.mypage(id).catch(async (why) => {
                if (why instanceof api.Refused && why.status !== 404) {
                    throw why;
                }
                return rowOfOrder(await api.order(id), row);
            }));
            this.isReached = true;
        } catch (why) {
            this.#failed(id, why);
        }
        this.onChange();
    }

    #failed(id, why) {
        const entry = this.entries.get(id);
        this.isReached = this.isReached && why instanceof api.Refused;
        if (entry && why instanceof api.Refused && why.status === 404) {
            entry.missing = !entry.row;
        } else if (entry && !entry.row) {
            setTimeout(() => this.entries.has(id) && this.#load(id), AGAIN_MS);
        }
    }

    #askOwner(entry) {
        entry.quietSince = performance.now();
        return api.order(entry.id).then((order) => this.#take(rowOfOrder(order, entry.row)), () => {});
    }

    /** Of what nothing comes by itself. */
    #askQuiet() {
        if (document.hidden) {
            return;
        }
        this.#follow(); /* some can't be paid back any more */
        for (const entry of this.#active()) {
            if (this.link === 'lost') {
                this.#load(entry.id);
            } else if (performance.now() - entry.quietSince > entry.quietMs) {
                entry.quietMs = Math.min(entry.quietMs * 2, LONGEST_QUIET_MS);
                this.#askOwner(entry);
            }
        }
    }

    #take(row) {
        const entry = this.entries.get(row.orderId);
        if (!entry) {
            return;
        }
        const before = entry.row;
        entry.row = newerRow(before, row);
        entry.missing = false;
        row.timeline.forEach((one) => hearTime(Date.parse(one.at)));
        if (entry.row.orderStatus !== 'Requested') {
            entry.ticket = null;
        } else if (!entry.ticket) {
            this.#askTicket(entry);
        }
        if (before?.orderStatus !== entry.row.orderStatus) {
            this.#statusChanged(entry, before);
        }
        this.asOf = now();
        this.#follow();
        this.onChange();
    }

    /* An answer goes with the state that it was about: "too late" is about what is being made. */
    #statusChanged(entry, before) {
        Object.assign(entry, { quietSince: performance.now(), quietMs: QUIET_MS });
        if (entry.answer !== 'tooLate' || entry.row.orderStatus !== 'Producing') {
            entry.answer = null;
        }
        if (before) {
            this.onNews(isGivenUp(entry.row) ? 'givenUp' : 'status', entry);
        }
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

    #follow() {
        const followed = this.#followed();
        if (followed.length === 0) {
            this.stream?.close();
            this.stream = null;
            this.streamState = 'idle';
        } else if (this.stream) {
            this.stream.wish(followed);
        } else {
            this.stream = followTogether({
                orders: followed,
                onEvent: (event) => this.#hear(event),
                onState: (state) => this.#linkIs(state),
                onOpen: () => this.#loadFollowed(),
            });
        }
        this.link = this.#active().length ? this.streamState : 'idle';
    }

    #hear(event) {
        if (event.name === 'reset') {
            this.#loadFollowed();
        } else if (event.name === 'mypage') {
            this.#take(JSON.parse(event.data));
        }
    }

    /* What ended while the view was away has only its owner's words yet. */
    #loadFollowed() {
        const followed = this.#followed();
        const some = this.list().filter((entry) => entry.row && (entry.row.isOwners || followed.includes(entry.id)));
        return Promise.all(some.map((entry) => this.#load(entry.id)));
    }

    #linkIs(state) {
        if (state === 'lost') {
            this.asOf = this.link === 'live' ? now() : this.asOf;
            this.isReached = false;
        }
        this.streamState = state;
        this.#follow();
        this.onChange();
    }
}
