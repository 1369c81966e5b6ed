/** What the stock keeper sees: what is on hand, and what the kitchen has taken of it or still waits for. */
import * as api from '../shared/api.js';
import { now } from '../shared/clock.js';
import { regularly } from '../shared/regularly.js';

const ASK_EVERY_MS = 2_000;
const IMPLAUSIBLE_TIMES = 5; /* so many times what is usual is more likely a slip of the finger: 1000 for 100 */
const LEAST_USUAL = 25;
const RECENT_MOVEMENTS = 200;

/** Whether nobody would expect so many: measured by the largest recent delivery, or, when none is known, by what is there. */
export function isImplausible(n, deliveries, onHand) {
    const usual = deliveries.length ? Math.max(...deliveries) : onHand;
    return n >= IMPLAUSIBLE_TIMES * Math.max(usual, LEAST_USUAL);
}

/* What a menu's item begins with; nobody brought it in. */
const OPENING = 'opening stock';

/** For whom or by whom something moved: a text's key and its values. Reservations of the kitchen's are o<order>.<attempt> and
 *  t<ticket>.<attempt>; those of clients have their own names. */
export function causeOf({ type, orderId, reservationId, reason }) {
    if (orderId) {
        return ['for.order', { id: orderId }];
    }
    if (reservationId) {
        const [, ticketId] = reservationId.match(/^t([1-9]\d*)\.\d+$/) ?? [];
        return ticketId ? ['for.counter', { id: ticketId }] : ['for.reservation', { id: reservationId.replace(/^client:/, '') }];
    }
    if (type === 'StockReceived' && reason === OPENING) {
        return ['by.opening', {}];
    }
    return reason ? ['by.keeperBecause', { reason }] : [type === 'StockReduced' ? 'by.direct' : 'by.keeper', {}];
}

/** A row of stock with what the open tickets say of it. `reserved`: deducted, being made. `wanted`: ready tickets will ask for it.
 *  `waiting`: tickets that wait for goods, oldest first. */
export function itemsOf(stocks, tickets) {
    const sum = (list) => list.reduce((total, ticket) => total + ticket.qty, 0);
    return stocks.map((stock) => {
        const mine = tickets.filter((ticket) => ticket.productName === stock.productName);
        const waiting = mine.filter((ticket) => ticket.status === 'Out of stock');
        return {
            ...stock,
            reserved: sum(mine.filter((ticket) => ticket.status === 'Producing')),
            wanted: sum(mine.filter((ticket) => ticket.status === 'Ready')),
            waiting,
            missing: Math.max(0, sum(waiting) - stock.qty),
            isLow: stock.qty <= stock.lowMark,
        };
    });
}

export class Keeping {
    constructor(onChange) {
        this.onChange = onChange;
        this.items = null;
        this.changedAt = -Infinity; /* what was asked for before is older than what the keeper has just done */
        this.link = null;
        this.asOf = null;
    }

    start() {
        this.askSoon = regularly(() => this.#ask(), ASK_EVERY_MS, (link) => {
            this.link = link;
            this.onChange();
        });
    }

    async #ask() {
        const began = performance.now();
        const [stocks, tickets] = await Promise.all([api.stocks(), api.openTickets()]);
        if (began > this.changedAt) {
            this.items = itemsOf(stocks, tickets);
            this.asOf = now();
        }
    }

    /** How many came in each of the last deliveries. */
    async deliveries(item) {
        const { movements } = await api.movements(item.id, null, RECENT_MOVEMENTS);
        return movements.filter((one) => one.type === 'StockReceived').map((one) => one.qty);
    }

    /** Each gives the row afterwards. A correction says by how many, so that what is sold meanwhile isn't undone. */
    receive = (item, qty, key) => this.#done(api.receiveGoods(item.productName, qty, key));
    correct = (item, change, reason, key) => this.#done(api.correctStock(item.id, change, reason, key));
    mark = (item, qty) => this.#done(api.markStock(item.id, qty));

    async #done(asked) {
        const row = await asked;
        this.changedAt = performance.now();
        this.askSoon();
        return row;
    }
}
