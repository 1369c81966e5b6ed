/** axe-core finds nothing: on every page, in the states that people meet, light and dark, in both languages. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { openShop } from './lib/scenario.mjs';
import { MANUAL } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';
import { KitchenPage } from './pages/kitchen_page.mjs';
import { OpsPage } from './pages/ops_page.mjs';
import { StockPage } from './pages/stock_page.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const { scenario } = openShop(MANUAL);

/** What axe finds on the page as it is now, in sentences. */
async function findings(page) {
    await page.evaluate(AXE); /* by the debugger, which no Content-Security-Policy stops */
    await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished)));
    return page.evaluate(async (tags) => {
        const { violations } = await globalThis.axe.run(document, { runOnly: { type: 'tag', values: tags } });
        return violations.flatMap((one) => one.nodes.map((node) =>
            `${one.id}: ${one.help}: ${node.html.slice(0, 160)} ${node.any.concat(node.all).map((check) => check.message).join('; ').slice(0, 200)}`));
    }, RULES);
}

/** One order in each state that a customer can meet; gives the ids by status. */
async function someOrders(shop) {
    const ids = {};
    for (const status of ['Requested', 'Producing', 'Completed', 'Canceled', 'Out of stock']) {
        ids[status] = (await shop.order(status === 'Out of stock' ? 'Mocha' : 'Latte', status === 'Out of stock' ? 1_000 : 2)).id;
        const ticket = await shop.ticketOf(ids[status]);
        if (status === 'Canceled') {
            await shop.cancel(ids[status]);
        } else if (status !== 'Requested') {
            await shop.ask('PATCH', `/products/${ticket.id}`, { status: 'Producing' });
        }
        if (status === 'Completed') {
            await shop.waitOrder(ids[status], 'Producing');
            await shop.workOn(ticket.id, 'Completed');
        }
        await shop.waitOrder(ids[status], status);
    }
    return ids;
}

for (const language of ['ko', 'en']) {
    for (const scheme of ['light', 'dark']) {
        scenario(`the customer's page, its dialog and an order in every state (${language}, ${scheme})`, async ({ shop, visit }) => {
            await shop.setStock('Cappuccino', 0);
            await shop.waitSoldOut('Cappuccino');
            const customer = await CustomerPage.open(await visit({ language, scheme }));
            assert.deepEqual(await findings(customer.page), []);
            await customer.pick('Americano');
            await customer.at('qty').fill('x');
            await customer.at('order-send').click();
            await customer.at('qty-wrong').waitFor();
            assert.deepEqual(await findings(customer.page), []);
            await customer.at('order-back').click();
            for (const [status, id] of Object.entries(await someOrders(shop))) {
                await customer.openByNumber(id);
                await customer.see(id, status);
            }
            await customer.openByNumber(987_654);
            await customer.at('order-missing').waitFor();
            await customer.page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
            assert.deepEqual(await findings(customer.page), []);
        });

        scenario(`an order that is not paid, not yet or not at all (${language}, ${scheme})`, async ({ visit }) => {
            const customer = await CustomerPage.open(await visit({ language, scheme }));
            for (const [status, type, phase] of [[503, 'payment-busy', 'busy'], [503, 'outcome-unknown', 'unknown'], [402, 'about:blank', 'declined']]) {
                await customer.page.route('**/orders', (route) => route.request().method() === 'POST' ? route.fulfill({
                    status, headers: { 'X-Correlation-ID': 'test' }, json: { type, status, title: '', member: 'paymentMethod', reason: 'the amount is over the limit' },
                }) : route.continue());
                await customer.order('Americano');
                await customer.page.locator(`[data-testid=pending][data-phase=${phase}]`).first().waitFor();
            }
            assert.deepEqual(await findings(customer.page), []);
        });

        scenario(`the kitchen's display with tickets in every lane, and its settings (${language}, ${scheme})`, async ({ shop, visit }) => {
            const ids = await someOrders(shop);
            const kitchen = await KitchenPage.open(await visit({ language, scheme, device: 'tablet' }));
            await kitchen.see((await shop.ticketOf(ids['Out of stock'])).id, 'Out of stock');
            await kitchen.inTicket((await shop.ticketOf(ids.Requested)).id, 'start').tap();
            assert.deepEqual(await findings(kitchen.page), []);
            await kitchen.at('settings').tap();
            await kitchen.at('settings-dialog').waitFor();
            assert.deepEqual(await findings(kitchen.page), []);
        });

        scenario(`the stock keeper's page and its four dialogs (${language}, ${scheme})`, async ({ shop, visit }) => {
            await someOrders(shop);
            const stock = await StockPage.open(await visit({ language, scheme, device: 'desktop' }));
            assert.deepEqual(await findings(stock.page), []);
            for (const [button, dialog] of [['receive', 'receive-dialog'], ['count', 'count-dialog'], ['mark', 'mark-dialog'], ['show-movements', 'movements']]) {
                await stock.inItem('Latte', button).click();
                await stock.at(dialog).waitFor();
                assert.deepEqual(await findings(stock.page), [], dialog);
                await stock.page.keyboard.press('Escape');
                await stock.at(dialog).waitFor({ state: 'detached' });
            }
        });

        scenario(`the operator's page, with and without payment's figures, and an error (${language}, ${scheme})`, async ({ shop, visit }) => {
            await shop.order();
            const visitor = await visit({ language, scheme, device: 'desktop' });
            const ops = await OpsPage.open(visitor);
            await ops.at('sums').waitFor();
            assert.deepEqual(await findings(ops.page), []);
            await visitor.page.route('**/payments/summary', (route) => route.abort('connectionrefused'));
            await ops.payments('unknown');
            assert.deepEqual(await findings(ops.page), []);
            await visitor.go('/no/such/place');
            assert.deepEqual(await findings(visitor.page), []);
        });
    }
}

scenario('who wants less movement gets none', async ({ visit }) => {
    const customer = await CustomerPage.open(await visit({ more: { reducedMotion: 'reduce' } }));
    await customer.orderAndRead('Americano');
    const moving = await customer.page.evaluate(() => document.getAnimations()
        .filter((one) => one.playState === 'running' && Number(one.effect.getComputedTiming().duration) > 50)
        .map((one) => one.animationName ?? one.transitionProperty));
    assert.deepEqual(moving, []);
});
