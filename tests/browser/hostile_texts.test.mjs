/** Whatever a menu, a reason or an address says is text and nothing else, on every page. */
import assert from 'node:assert/strict';
import { openShop } from './lib/scenario.mjs';
import { MANUAL } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';
import { KitchenPage } from './pages/kitchen_page.mjs';
import { OpsPage } from './pages/ops_page.mjs';
import { StockPage } from './pages/stock_page.mjs';

const IMAGE = '<img src=x onerror="window.hurt=1">';
const SCRIPT = '</li><script>window.hurt=1</script>';
const ATTRIBUTE = '" autofocus onfocus="window.hurt=1" x="';
const TEMPLATE = '{id} ${7*7} {{7*7}} &lt;b&gt; __proto__';

const item = (name) => ({ name, ko: name, en: name, aliases: '', price: 4000 });
const HOSTILE = [IMAGE, SCRIPT, ATTRIBUTE, TEMPLATE];
const { scenario } = openShop(MANUAL, { currency: 'KRW', items: [...['Americano', ...HOSTILE].map(item)] });

/** Nothing ran, nothing was made of it, and the text stands there as it is. */
async function isOnlyText(page, where, text) {
    assert.ok((await where.textContent()).includes(text), `it says ${text}`);
    assert.equal(await page.evaluate(() => window.hurt), undefined);
    assert.equal(await page.locator('img, script:not([src^="/assets/"]), [onfocus], [onerror]').count(), 0);
}

for (const language of ['ko', 'en']) {
    scenario(`hostile names are read out, not obeyed (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const kitchen = await KitchenPage.open(await visit({ language, device: 'tablet' }));
        const stock = await StockPage.open(await visit({ language, device: 'desktop' }));
        for (const name of HOSTILE) {
            await isOnlyText(customer.page, customer.menuItem(name), name);
            const id = await customer.orderAndRead(name);
            await isOnlyText(customer.page, customer.card(id), name);
            const ticket = await shop.ticketOf(id);
            await kitchen.see(ticket.id, 'Ready');
            await isOnlyText(kitchen.page, kitchen.ticket(ticket.id), name);
            await isOnlyText(stock.page, stock.item(name), name);
        }
        await shop.setStock(IMAGE, 0);
        const waiting = await shop.order(IMAGE, 1);
        const ticket = await shop.ticketOf(waiting.id);
        await shop.ask('PATCH', `/products/${ticket.id}`, { status: 'Producing' });
        await shop.waitOrder(waiting.id, 'Out of stock');
        const ops = await OpsPage.open(await visit({ language, device: 'desktop' }));
        await isOnlyText(ops.page, ops.problem('outOfStock'), IMAGE);
        await stock.at('waiting-orders').locator('li').first().waitFor();
        await isOnlyText(stock.page, stock.at('waiting-orders'), IMAGE);
        await shop.receive(IMAGE, 100);
    });
}

scenario('a hostile reason stands in the movements as it was written', async ({ visit }) => {
    const stock = await StockPage.open(await visit({ device: 'desktop' }));
    await stock.inItem('Americano', 'count').click();
    await stock.at('amount').fill('42');
    await stock.at('reason').selectOption('own');
    await stock.at('reason-words').fill(IMAGE);
    await stock.at('save').click();
    await stock.at('done').waitFor();
    await stock.inItem('Americano', 'show-movements').click();
    await stock.at('movement').first().waitFor();
    await isOnlyText(stock.page, stock.at('movement').first(), IMAGE);
});

scenario('what another page left on this device is not obeyed either', async ({ visit }) => {
    const visitor = await visit();
    const customer = await CustomerPage.open(visitor);
    for (const orders of ['not json', '{"a":1}', `["${'x'.repeat(50)}", null, -1, {"id":"<img src=x>"}]`, 'null']) {
        await customer.page.evaluate((text) => {
            localStorage.setItem('coffeeshop.orders', text);
            localStorage.setItem('coffeeshop.pending', text);
        }, orders);
        await customer.page.reload();
        await customer.menuItem('Americano').waitFor();
        assert.equal(await customer.page.evaluate(() => window.hurt), undefined);
    }
    await customer.orderAndRead('Americano');
});

scenario('an address that names no order opens none', async ({ visit }) => {
    for (const hash of ['#<img src=x onerror=alert(1)>', '#../orders/1', '#-1', '#1e9', '#99999999999999999999']) {
        const visitor = await visit();
        const asked = [];
        visitor.page.on('request', (request) => asked.push(new URL(request.url()).pathname));
        const customer = await CustomerPage.open(visitor, hash);
        await customer.at('no-orders').waitFor();
        assert.deepEqual(asked.filter((one) => /^\/(orders|mypages)\//.test(one)), []);
    }
});
