/** What is sold, followed for as long as the page is open: prices and names may change with a restart, sold out with every order.
 *
 *  The last menu is remembered on this device and stands in while none can be fetched. What was sold out then says nothing about now;
 *  and an order's price is the shop's word in any case: it refuses an amount that isn't its own. */
import * as api from './api.js';
import { recall, remember } from './storage.js';

const AGAIN_MS = 15_000;
const SOON_MS = 2_000;

const isText = (value) => typeof value === 'string';

/* What this device remembers may be another version's, or broken. */
const isItem = (item) =>
    isText(item?.name) && isText(item.names?.ko) && isText(item.names?.en) && Number.isSafeInteger(item.price) && /^[A-Z]{3}$/.test(item.currency);

const remembered = () => recall('menu', []).filter(isItem).map((item) => ({ ...item, soldOut: null }));

export class Menu {
    constructor(onChange) {
        this.onChange = onChange;
        this.items = null; /* not known yet. An item's `soldOut` null: not known */
        this.failed = false; /* what is shown is remembered, or nothing */
    }

    start() {
        this.ask();
        document.addEventListener('visibilitychange', () => document.hidden || this.ask());
    }

    /* Whether what is shown is all that there is to know. */
    isKnown() {
        return !this.failed && this.items.every((item) => item.soldOut !== null);
    }

    async ask() {
        clearTimeout(this.timer);
        try {
            this.items = await api.menu();
            this.failed = false;
            remember('menu', this.items);
        } catch {
            this.failed = true;
            this.items = (this.items ?? remembered()).map((item) => ({ ...item, soldOut: null }));
            this.items = this.items.length ? this.items : null;
        }
        this.timer = setTimeout(() => this.ask(), this.isKnown() ? AGAIN_MS : SOON_MS);
        this.onChange();
    }
}
