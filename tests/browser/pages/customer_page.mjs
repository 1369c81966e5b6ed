/** The customer's page, as its visitor uses it. */
import { eventually } from '../lib/eventually.mjs';

/* For so long after an order the page takes a touch on the menu for the second half of a double touch. People are slower. */
const CALM_MS = 750;

export class CustomerPage {
    constructor(visitor, page = visitor.page) {
        this.visitor = visitor;
        this.page = page;
        this.orderedAt = -CALM_MS;
    }

    /** Opens the page and waits for the menu; `hash` names an order. */
    static async open(visitor, hash = '') {
        const customer = new CustomerPage(visitor);
        await visitor.go(`/${hash}`);
        await customer.menuItem('Americano').waitFor();
        return customer;
    }

    at(testid) {
        return this.page.getByTestId(testid);
    }

    menuItem(name) {
        return this.page.locator(`[data-testid=menu-item][data-item=${JSON.stringify(name)}]`);
    }

    card(id) {
        return this.page.locator(`[data-testid=order][data-order="${id}"]`);
    }

    inCard(id, testid) {
        return this.card(id).getByTestId(testid);
    }

    /** Waits until the page says that an order has a status. */
    async see(id, status) {
        await this.card(id).locator(`[data-testid=order-status][data-status="${status}"]`).waitFor();
    }

    status(id) {
        return this.inCard(id, 'order-status').getAttribute('data-status');
    }

    /** The kinds of events on an order's timeline, in the order shown. */
    timeline(id) {
        return this.card(id).locator('[data-testid=timeline] li').evaluateAll((rows) => rows.map((row) => row.dataset.type));
    }

    async link(state) {
        await this.page.locator(`[data-testid=link-state][data-state="${state}"]`).waitFor({ state: 'attached' });
    }

    /** The first touch. */
    async pick(name) {
        await eventually('the hand is calm again', () => performance.now() >= this.orderedAt + CALM_MS);
        await this.menuItem(name).click();
        await this.at('order-sheet').waitFor();
    }

    /** Two touches; with `qty` more than one it is typed in between. */
    async order(name, qty = 1) {
        await this.pick(name);
        if (qty !== 1) {
            await this.at('qty').fill(String(qty));
        }
        await this.at('order-send').click();
        this.orderedAt = performance.now();
    }

    /** Orders and gives the number that the page shows for it. */
    async orderAndRead(name, qty = 1) {
        const before = await this.numbers();
        await this.order(name, qty);
        await this.page.waitForFunction((known) => [...document.querySelectorAll('[data-testid=order]')]
            .some((card) => !known.includes(Number(card.dataset.order))), before);
        return (await this.numbers()).find((id) => !before.includes(id));
    }

    /** The numbers of the orders on the page, from the top. */
    numbers() {
        return this.page.locator('[data-testid=order]').evaluateAll((cards) => cards.map((card) => Number(card.dataset.order)));
    }

    async openByNumber(text) {
        await this.at('by-number').fill(String(text));
        await this.at('by-number-open').click();
    }
}
