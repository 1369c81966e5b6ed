/** The stock keeper's page, as its visitor uses it. */
export class StockPage {
    constructor(visitor) {
        this.visitor = visitor;
        this.page = visitor.page;
    }

    /** Opens the page and waits for the items. */
    static async open(visitor) {
        const stock = new StockPage(visitor);
        await visitor.go('/stock');
        await stock.item('Americano').waitFor();
        return stock;
    }

    at(testid) {
        return this.page.getByTestId(testid);
    }

    item(name) {
        return this.page.locator(`[data-testid=item][data-item=${JSON.stringify(name)}]`);
    }

    inItem(name, testid) {
        return this.item(name).getByTestId(testid);
    }

    /** Waits until a figure of an item is `n`. */
    async see(name, testid, n) {
        await this.inItem(name, testid).filter({ hasText: new RegExp(`^${n}$`) }).waitFor();
    }

    async link(state) {
        await this.page.locator(`[data-testid=link-state][data-state="${state}"]`).waitFor({ state: 'attached' });
    }
}
