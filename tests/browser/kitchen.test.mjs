/** The kitchen's display, with a barista in front of it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { DEVICES } from './lib/chromium.mjs';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { MANUAL, PATIENT } from './lib/shop.mjs';
import { KitchenPage } from './pages/kitchen_page.mjs';
import { StockPage } from './pages/stock_page.mjs';

const { scenario } = openShop(MANUAL);
const auto = openShop(PATIENT);

/** A ticket that has arrived, by its order. */
async function newTicket(shop, item, qty) {
    return shop.ticketOf((await shop.order(item, qty)).id);
}

for (const language of ['ko', 'en']) {
    scenario(`a ticket is started and finished by touch, five seconds after it (${language})`, async ({ shop, visit }) => {
        const kitchen = await KitchenPage.open(await visit({ device: 'tablet', language }));
        const { id, orderId } = await newTicket(shop, 'Latte', 2);
        await kitchen.see(id, 'Ready');
        const text = await kitchen.ticket(id).textContent();
        assert.ok(text.includes(`#${orderId}`) && text.includes('2'), text);
        assert.equal(/[가-힣]/.test(text), language === 'ko');
        await kitchen.inTicket(id, 'start').tap();
        await kitchen.inTicket(id, 'take-back').waitFor();
        assert.equal((await shop.must('GET', `/products/${id}`)).status, 'Ready', 'it is not sent before the five seconds are over');
        await kitchen.see(id, 'Producing');
        await shop.waitOrder(orderId, 'Producing');
        await kitchen.inTicket(id, 'finish').tap();
        await kitchen.gone(id);
        await shop.waitOrder(orderId, 'Completed');
    });
}

for (const [language, called] of [['ko', '카운터'], ['en', 'Counter']]) {
    scenario(`a ticket made at the counter goes by its own number everywhere, not by the order that it notes (${language})`, async ({ shop, visit }) => {
        const order = await shop.order('Tea');
        const open = () => shop.must('POST', '/products', { orderId: order.id, productName: 'Latte', qty: 1 });
        const kitchen = await KitchenPage.open(await visit({ device: 'tablet', language }));
        const made = await open();
        await kitchen.see(made.id, 'Producing');
        const tile = await kitchen.ticket(made.id).textContent();
        assert.ok(tile.includes(`${called} ${made.id}`) && !tile.includes('#'), tile);
        const news = await kitchen.at('announcer').textContent();
        assert.ok(news.includes(`${called} ${made.id}`), news);
        await shop.setStock('Latte', 0);
        const waiting = await open();
        const stock = await StockPage.open(await visit({ device: 'desktop', language }));
        const waits = stock.at('waiting-orders').locator('li li', { hasText: `${called} ${waiting.id} ` });
        await waits.waitFor();
        await stock.inItem('Latte', 'show-movements').click();
        await stock.at('movement').filter({ hasText: `${called} ${made.id}` }).first().waitFor();
        assert.equal(await stock.at('movements').getByText(/\bt\d+\.\d/).count(), 0, 'no reservation is shown for a number');
        await shop.receive('Latte', 10);
    });
}

scenario('a touch is taken back within five seconds, and nothing was sent', async ({ shop, visit }) => {
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet' }));
    const sent = [];
    kitchen.page.on('request', (request) => request.method() !== 'GET' && sent.push(`${request.method()} ${request.url()}`));
    const { id } = await newTicket(shop, 'Mocha', 1);
    const other = await newTicket(shop, 'Tea', 1);
    await kitchen.inTicket(id, 'start').tap();
    await kitchen.inTicket(id, 'take-back').filter({ hasText: '4' }).tap(); /* nobody changes their mind within a second */
    await kitchen.inTicket(id, 'start').waitFor();
    await kitchen.inTicket(other.id, 'start').tap(); /* touched later: when it is sent, the first would have been */
    await kitchen.see(other.id, 'Producing');
    assert.equal((await shop.must('GET', `/products/${id}`)).status, 'Ready');
    assert.equal(sent.length, 1, sent.join());
});

scenario('a double touch starts it once and is no taking back', async ({ shop, visit }) => {
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet' }));
    const { id } = await newTicket(shop, 'Americano', 1);
    await kitchen.inTicket(id, 'start').evaluate((button) => {
        button.click();
        button.click();
    });
    await kitchen.see(id, 'Producing');
});

scenario('a new ticket is noticed, a cancelled one goes visibly', async ({ shop, visit }) => {
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet', language: 'en' }));
    const { id, orderId } = await newTicket(shop, 'Cappuccino', 3);
    await kitchen.see(id, 'Ready');
    await kitchen.page.locator(`[data-ticket="${id}"].fresh`).waitFor();
    assert.match(await kitchen.at('announcer').textContent(), /Cappuccino/);
    await shop.cancel(orderId);
    await kitchen.inTicket(id, 'canceled').waitFor();
    assert.equal(await kitchen.inTicket(id, 'start').count(), 0, 'nobody can start it any more');
    assert.match(await kitchen.at('announcer').textContent(), /cancel/i);
    await kitchen.gone(id);
});

scenario('a ticket that is cancelled while a touch waits is not started', async ({ shop, visit }) => {
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet' }));
    const { id, orderId } = await newTicket(shop, 'Latte', 1);
    await kitchen.inTicket(id, 'start').tap();
    await shop.cancel(orderId);
    await kitchen.inTicket(id, 'canceled').waitFor();
    await kitchen.gone(id);
    assert.equal((await shop.getOrder(orderId)).status, 'Canceled');
});

scenario('the oldest is on top, and each is in its lane', async ({ shop, visit }) => {
    const tickets = [];
    for (const item of ['Latte', 'Tea', 'Mocha', 'Latte']) {
        tickets.push(await newTicket(shop, item, 1));
    }
    await shop.setStock('Cappuccino', 0);
    const waiting = await newTicket(shop, 'Cappuccino', 1_000);
    await assert.rejects(shop.workOn(waiting.id, 'Producing'), /409/);
    await shop.workOn(tickets[1].id, 'Producing');
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet' }));
    await kitchen.see(waiting.id, 'Out of stock');
    await kitchen.see(tickets[1].id, 'Producing');
    const ready = await kitchen.tickets('Ready');
    assert.deepEqual(ready, [...ready].sort((a, b) => a - b));
    for (const ticket of [tickets[0], tickets[2], tickets[3]]) {
        assert.ok(ready.includes(ticket.id));
    }
    assert.equal(Number(await kitchen.lane('Ready').getByTestId('lane-count').textContent()), ready.length);
});

scenario('its age is shown, and coloured by this display’s settings', async ({ shop, visit }) => {
    const { id } = await newTicket(shop, 'Tea', 1);
    const visitor = await visit({ device: 'tablet' });
    const kitchen = await KitchenPage.open(visitor);
    const tone = () => kitchen.inTicket(id, 'age').getAttribute('data-tone');
    await kitchen.see(id, 'Ready');
    assert.equal(await tone(), 'young');
    await kitchen.at('settings').tap();
    await kitchen.at('set-wait').fill('5');
    await kitchen.at('set-late').fill('2');
    await kitchen.at('settings-save').tap();
    await kitchen.at('settings-dialog').getByRole('alert').waitFor();
    await kitchen.at('set-wait').fill('1');
    await kitchen.at('settings-save').tap();
    await kitchen.at('settings-dialog').waitFor({ state: 'detached' });
    await kitchen.page.route('**/products/search/open', async (route) => { /* as if it had waited for so long */
        const answer = await route.fetch();
        const body = await answer.json();
        body._embedded.products.forEach((one) => { one.createdAt = new Date(Date.parse(one.createdAt) - 90_000).toISOString(); });
        await route.fulfill({ response: answer, json: body });
    });
    await kitchen.page.reload();
    await eventually('it has waited for more than a minute', async () => (await tone()) === 'waiting');
});

auto.scenario('where the kitchen works by itself there is nothing to touch', async ({ shop, visit }) => {
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet' }));
    const { id } = await newTicket(shop, 'Latte', 1);
    await kitchen.see(id, 'Ready');
    await kitchen.page.locator('[data-testid=mode][data-mode=auto]').waitFor();
    assert.equal(await kitchen.at('start').count(), 0);
});

auto.scenario('a display that stays open follows the kitchen into another mode and another menu', async ({ shop, visit }) => {
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet', language: 'en' }));
    const { id } = await newTicket(shop, 'Latte', 1);
    await kitchen.page.locator('[data-testid=mode][data-mode=auto]').waitFor();
    assert.equal(await kitchen.inTicket(id, 'start').count(), 0);
    writeFileSync(path.join(shop.directory, 'other.json'), JSON.stringify({ currency: 'KRW',
        items: ['Americano', 'Latte', 'Cappuccino', 'Mocha', 'Tea'].map((name) => ({ name, ko: name, en: name === 'Latte' ? 'Milk coffee' : name, aliases: '', price: 5000 })) }));
    await shop.reopen({ ...MANUAL, menu: path.join(shop.directory, 'other.json') });
    await kitchen.page.locator('[data-testid=mode][data-mode=manual]').waitFor();
    await kitchen.inTicket(id, 'start').waitFor();
    await kitchen.ticket(id).filter({ hasText: 'Milk coffee' }).waitFor({ timeout: 20_000 });
    await shop.reopen({ 'product.mode': 'auto' });
    await kitchen.page.locator('[data-testid=mode][data-mode=auto]').waitFor();
    await kitchen.inTicket(id, 'start').waitFor({ state: 'detached' });
});

for (const language of ['ko', 'en']) {
    scenario(`what was said of a ticket goes with its reason (${language})`, async ({ shop, visit }) => {
        const kitchen = await KitchenPage.open(await visit({ device: 'tablet', language }));
        const { id } = await newTicket(shop, 'Mocha', 1);
        await kitchen.see(id, 'Ready');
        await shop.setStock('Mocha', 0);
        await kitchen.inTicket(id, 'start').tap();
        await kitchen.inTicket(id, 'trouble').waitFor();
        await kitchen.see(id, 'Out of stock');
        assert.equal(await kitchen.inTicket(id, 'trouble').count(), 1, 'it is so');
        await shop.receive('Mocha', 100);
        await kitchen.see(id, 'Ready');
        await kitchen.inTicket(id, 'trouble').waitFor({ state: 'detached' });
        assert.equal(await kitchen.inTicket(id, 'start').count(), 1);
    });
}

for (const device of Object.keys(DEVICES)) {
    scenario(`the display fits, and its touch targets are large (${device})`, async ({ shop, visit }) => {
        const { id } = await newTicket(shop, 'Latte', 1);
        const kitchen = await KitchenPage.open(await visit({ device, language: 'ko' }));
        await kitchen.inTicket(id, 'start').waitFor();
        const { wide, room } = await kitchen.page.evaluate(() =>
            ({ wide: document.documentElement.scrollWidth, room: document.documentElement.clientWidth }));
        assert.ok(wide <= room, `nothing is wider than the screen: ${wide} of ${room}`);
        const box = await kitchen.inTicket(id, 'start').boundingBox();
        assert.ok(box.height >= 48 && box.width >= 48, JSON.stringify(box));
    });
}
