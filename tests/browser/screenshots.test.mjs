/** Pictures of each page as people meet it, in both languages. With SCREENSHOTS=1 they are written to docs/screenshots, for the
 *  README; otherwise they are only taken and looked at for being pictures, so that a run leaves the tree as it was. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { eventually } from './lib/eventually.mjs';
import { ROOT } from './lib/program.mjs';
import { openShop } from './lib/scenario.mjs';
import { MANUAL, QUICK } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';
import { KitchenPage } from './pages/kitchen_page.mjs';
import { OpsPage } from './pages/ops_page.mjs';
import { StockPage } from './pages/stock_page.mjs';

const DIRECTORY = path.join(ROOT, 'docs', 'screenshots');
const KEEP = process.env.SCREENSHOTS === '1';

/* A shop for each language, so that the pictures show the same. */
const shops = { ko: openShop(MANUAL), en: openShop(MANUAL) };
const running = openShop({ ...QUICK, 'product.start_after_ms': 1_000, 'product.brew_ms': 1_500 });

async function picture(page, name) {
    await page.evaluate(() => document.fonts.ready);
    const png = await page.screenshot({ animations: 'disabled', caret: 'hide' });
    assert.equal(png.subarray(1, 4).toString(), 'PNG');
    assert.ok(png.length > 10_000, `${name} shows something: ${png.length} bytes`);
    if (KEEP) {
        mkdirSync(DIRECTORY, { recursive: true });
        writeFileSync(path.join(DIRECTORY, `${name}.png`), png);
    }
}

/** An order in each state, and some tickets that wait; gives the orders' ids by status. */
async function livelyShop(street) {
    const ids = {};
    for (const [status, item, qty] of [['Completed', 'Americano', 1], ['Canceled', 'Tea', 1], ['Out of stock', 'Mocha', 3], ['Producing', 'Latte', 2], ['Requested', 'Cappuccino', 1]]) {
        if (status === 'Out of stock') {
            await street.setStock(item, 2);
        }
        ids[status] = (await street.order(item, qty)).id;
        const ticket = await street.ticketOf(ids[status]);
        if (status === 'Canceled') {
            await street.cancel(ids[status]);
        } else if (status !== 'Requested') {
            await street.ask('PATCH', `/products/${ticket.id}`, { status: 'Producing' });
        }
        if (status === 'Completed') {
            await street.waitOrder(ids[status], 'Producing');
            await street.workOn(ticket.id, 'Completed');
        }
        await street.waitOrder(ids[status], status);
    }
    for (const [item, qty] of [['Latte', 1], ['Americano', 4], ['Espresso', 1]]) {
        await street.ticketOf((await street.order(item, qty)).id);
    }
    const making = await street.ticketOf((await street.order('Espresso', 2)).id);
    await street.workOn(making.id, 'Producing');
    return ids;
}

async function pictureOfOrders(visitor, ids, name) {
    const customer = await CustomerPage.open(visitor);
    for (const [status, id] of Object.entries(ids).filter(([one]) => one !== 'Canceled')) {
        await customer.openByNumber(id);
        await customer.see(id, status);
    }
    await customer.inCard(ids.Requested, 'time-left').waitFor();
    await customer.page.evaluate(() => {
        document.activeElement.blur();
        scrollTo(0, 0);
    });
    await picture(customer.page, name);
}

for (const language of ['ko', 'en']) {
    shops[language].scenario(`customer, kitchen and stock keeper (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        await picture(customer.page, `menu.${language}`);
        await customer.pick('Latte');
        await picture(customer.page, `order.${language}`);
        const ids = await livelyShop(shop);
        for (const scheme of ['light', 'dark']) {
            await pictureOfOrders(await visit({ language, scheme }), ids, `orders${scheme === 'dark' ? '-dark' : ''}.${language}`);
        }
        const kitchen = await KitchenPage.open(await visit({ language, device: 'tablet' }));
        await kitchen.see((await shop.ticketOf(ids['Out of stock'])).id, 'Out of stock');
        await picture(kitchen.page, `kitchen.${language}`);
        const stock = await StockPage.open(await visit({ language, device: 'desktop' }));
        await stock.see('Mocha', 'waiting', 1);
        await picture(stock.page, `stock.${language}`);
    });
}

running.scenario('operator, while orders come in', async ({ shop, visit }) => {
    const pages = {};
    for (const language of ['ko', 'en']) {
        pages[language] = await OpsPage.open(await visit({ language, device: 'desktop' }));
    }
    await shop.ask('POST', '/orders', { productName: 'Mocha', qty: 1, paymentMethod: 'test-insufficient' });
    const { paymentId } = await shop.order('Latte', 2);
    await eventually('it is paid and given back', async () => (await shop.ask('PUT', `/payments/${paymentId}`, { status: 'Refunded' })).status === 200);
    const minutes = KEEP ? 1.6 : 0; /* long enough for lines to be drawn; otherwise one look will do */
    const end = performance.now() + minutes * 60_000;
    for (let n = 0; n === 0 || performance.now() < end; n++) {
        await Promise.all(Array.from({ length: 1 + (n % 3) }, (_, i) => shop.order(['Latte', 'Tea', 'Americano', 'Mocha'][(n + i) % 4])));
        await shop.receive('Latte', 1);
        await eventually('the next ones are made', async () =>
            (await shop.must('GET', '/products/search/open'))._embedded.products.length <= n % 5 + 1);
    }
    for (const [language, ops] of Object.entries(pages)) {
        await eventually('the page has seen it', async () => /\d/.test(await ops.figure('orders').textContent()));
        await ops.page.setViewportSize({ width: 1440, height: 1320 }); /* down to the first lines */
        await picture(ops.page, `ops.${language}`);
    }
});
