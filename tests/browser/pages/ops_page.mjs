/** The operator's page, as its visitor uses it. */
export class OpsPage {
    constructor(visitor) {
        this.visitor = visitor;
        this.page = visitor.page;
    }

    /** Opens the page and waits for its first verdict. */
    static async open(visitor) {
        const ops = new OpsPage(visitor);
        await visitor.go('/ops');
        await ops.page.locator('[data-testid=verdict]:not([data-verdict=unknown])').waitFor();
        return ops;
    }

    at(testid) {
        return this.page.getByTestId(testid);
    }

    async verdict(state) {
        await this.page.locator(`[data-testid=verdict][data-verdict="${state}"]`).waitFor();
    }

    problem(key) {
        return this.page.locator(`[data-testid=problem][data-problem="${key}"]`);
    }

    async service(name, state) {
        await this.page.locator(`[data-testid=service][data-service="${name}"][data-state="${state}"]`).waitFor();
    }

    /** Waits until what is known of payments is of that kind: `known`, `unknown`, `counter`, `forbidden`. */
    async payments(state) {
        await this.page.locator(`[data-testid=payments][data-payments="${state}"]`).waitFor();
    }

    /** The money of the day in a currency: `taken`, `givenBack` or `left`. */
    sum(currency, what) {
        return this.page.locator(`[data-testid=sum][data-currency="${currency}"] [data-sum="${what}"]`);
    }

    /** The large text of a figure. */
    figure(name) {
        return this.page.locator(`[data-testid=figure][data-figure="${name}"] .value`);
    }
}
