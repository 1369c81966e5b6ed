/** The kitchen's display, as its visitor uses it. */
export class KitchenPage {
    constructor(visitor) {
        this.visitor = visitor;
        this.page = visitor.page;
    }

    /** Opens the display and waits for its list of tickets. */
    static async open(visitor) {
        const kitchen = new KitchenPage(visitor);
        await visitor.go('/kitchen');
        await kitchen.link('live');
        return kitchen;
    }

    at(testid) {
        return this.page.getByTestId(testid);
    }

    lane(status) {
        return this.page.locator(`[data-testid=lane][data-lane="${status}"]`);
    }

    ticket(id) {
        return this.page.locator(`[data-testid=ticket][data-ticket="${id}"]`);
    }

    inTicket(id, testid) {
        return this.ticket(id).getByTestId(testid);
    }

    async see(id, status) {
        await this.lane(status).locator(`[data-ticket="${id}"]`).waitFor();
    }

    /** Waits until a ticket is no longer on the board. */
    async gone(id) {
        await this.ticket(id).waitFor({ state: 'detached', timeout: 20_000 });
    }

    /** The tickets of a lane, from the top. */
    tickets(status) {
        return this.lane(status).getByTestId('ticket').evaluateAll((tiles) => tiles.map((tile) => Number(tile.dataset.ticket)));
    }

    async link(state) {
        await this.page.locator(`[data-testid=link-state][data-state="${state}"]`).waitFor({ state: 'attached' });
    }
}
