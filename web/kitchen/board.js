/** What is on the kitchen's board: the tickets that are still to be made, as product (their owner) lists them.
 *
 *  The list is asked for every second, and at once when the stream of changes says that something happened (regularly.js). What is
 *  new and what has gone is seen by comparing.
 *
 *  A touch is sent only after five seconds, in which it can be taken back. */
import * as api from '../shared/api.js';
import { hearTime, now } from '../shared/clock.js';
import { regularly } from '../shared/regularly.js';

const ASK_EVERY_MS = 1_000;
const ASK_KITCHEN_EVERY_MS = 5_000;
const TAKE_BACK_MS = 5_000;
const DOUBLE_TOUCH_MS = 700; /* the second touch of a nervous finger means nothing */
const SHOWN_GONE_MS = 8_000;
const NEW_FOR_MS = 6_000;
const MOST_GONE_ASKED = 12;

export const LANES = ['Ready', 'Producing', 'Out of stock'];

/** What differs between two lists of tickets: {arrived, gone}. */
export function compareTickets(before, after) {
    const old = new Set(before.map((ticket) => ticket.id));
    const present = new Set(after.map((ticket) => ticket.id));
    return { arrived: after.filter((ticket) => !old.has(ticket.id)), gone: before.filter((ticket) => !present.has(ticket.id)) };
}

/** What is still so of the troubles, when the tickets are these: a trouble is about the state in which the ticket was left (that of the
 *  first list after it) and goes with it; and it is over when the ticket has become what was wanted. */
export function stillTrue(troubles, tickets) {
    const statuses = new Map(tickets.map((ticket) => [ticket.id, ticket.status]));
    const left = [...troubles].map(([id, trouble]) => [id, { ...trouble, status: trouble.status ?? statuses.get(id) }]);
    return new Map(left.filter(([id, { wanted, status }]) => statuses.has(id) && statuses.get(id) === status && status !== wanted));
}

export class Board {
    /** @param onChange  draw
     *  @param onNews    ('arrived' | 'canceled' | 'failed', tickets) */
    constructor(onChange, onNews) {
        this.onChange = onChange;
        this.onNews = onNews;
        this.tickets = null; /* not known yet */
        this.canceled = []; /* gone, still shown so that it is noticed */
        this.fresh = new Map(); /* id: until when it is marked as new */
        this.touched = new Map(); /* id: {status, sendAt, timer, sending} */
        this.trouble = new Map(); /* id: why a touch came to nothing: {why, wanted, status} */
        this.changedAt = -Infinity; /* a list that was asked for before is older than what is shown */
        this.kitchen = null;
        this.kitchenAskedAt = -Infinity;
        this.link = null;
        this.asOf = null;
    }

    start() {
        this.askSoon = regularly(() => this.#ask(), ASK_EVERY_MS, (link) => {
            this.link = link;
            this.onChange();
        });
    }

    lane(status) {
        return (this.tickets ?? []).filter((ticket) => ticket.status === status);
    }

    isManual() {
        return this.kitchen?.mode === 'manual';
    }

    /** A touch: the ticket becomes `status` unless it is taken back. */
    touch(ticket, status) {
        if (this.touched.has(ticket.id)) {
            return;
        }
        const touch = { status, sendAt: performance.now() + TAKE_BACK_MS, sending: false };
        touch.timer = setTimeout(() => this.#send(ticket, touch), TAKE_BACK_MS);
        this.touched.set(ticket.id, touch);
        this.trouble.delete(ticket.id);
        this.onChange();
    }

    takeBack(ticket) {
        const touch = this.touched.get(ticket.id);
        if (touch && performance.now() >= touch.sendAt - TAKE_BACK_MS + DOUBLE_TOUCH_MS) {
            this.#drop(ticket);
        }
    }

    #drop(ticket) {
        const touch = this.touched.get(ticket.id);
        if (touch && !touch.sending) {
            clearTimeout(touch.timer);
            this.touched.delete(ticket.id);
            this.onChange();
        }
    }

    async #send(ticket, touch) {
        touch.sending = true;
        this.onChange();
        try {
            const changed = await api.workOn(ticket.id, touch.status);
            this.changedAt = performance.now();
            this.tickets = this.tickets.map((one) => (one.id === changed.id ? changed : one)).filter((one) => one.status !== 'Completed');
        } catch (why) {
            this.trouble.set(ticket.id, { why: why instanceof api.Refused ? why.detail : null, wanted: touch.status, status: null });
            this.changedAt = performance.now();
            this.onNews('failed', [ticket]);
        }
        this.touched.delete(ticket.id);
        this.onChange();
        this.askSoon();
    }

    async #ask() {
        const began = performance.now();
        const [list] = await Promise.all([api.openTickets(), this.#askKitchen(began)]);
        if (began > this.changedAt) {
            this.#take(list);
        }
    }

    /** How the kitchen works may be another way after a restart: asked now and then, and whenever it was away. */
    async #askKitchen(began) {
        if (this.link === 'live' && began - this.kitchenAskedAt < ASK_KITCHEN_EVERY_MS) {
            return;
        }
        this.kitchen = await api.kitchen();
        this.kitchenAskedAt = began;
    }

    #take(list) {
        const before = this.tickets;
        this.tickets = list;
        this.asOf = now();
        list.forEach((ticket) => hearTime(Date.parse(ticket.updatedAt)));
        this.trouble = stillTrue(this.trouble, list);
        if (before === null) {
            return;
        }
        const { arrived, gone } = compareTickets(before, list);
        if (arrived.length) {
            this.#welcome(arrived);
        }
        gone.filter((ticket) => ticket.status !== 'Producing').slice(0, MOST_GONE_ASKED).forEach((ticket) => this.#askWhyGone(ticket));
    }

    #welcome(arrived) {
        const until = performance.now() + NEW_FOR_MS;
        arrived.forEach((ticket) => this.fresh.set(ticket.id, until));
        this.onNews('arrived', arrived);
        setTimeout(() => {
            for (const [id, end] of this.fresh) {
                if (end <= performance.now()) {
                    this.fresh.delete(id);
                }
            }
            this.onChange();
        }, NEW_FOR_MS + 50);
    }

    /** Only one that is cancelled is shown once more: what is done has been seen to. */
    async #askWhyGone(ticket) {
        const touch = this.touched.get(ticket.id);
        const found = await api.ticket(ticket.id).catch(() => null);
        if (found?.status !== 'Canceled') {
            return;
        }
        this.#drop(ticket);
        this.canceled = [...this.canceled, { ...found, lane: ticket.status }];
        this.onNews('canceled', [found]);
        this.onChange();
        setTimeout(() => {
            this.canceled = this.canceled.filter((one) => one.id !== found.id);
            this.onChange();
        }, SHOWN_GONE_MS);
    }
}
