/** A device's clock may be wrong by hours; the shop's counts. */
import assert from 'node:assert/strict';
import { openShop } from './lib/scenario.mjs';
import { LONG_MS } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';
import { KitchenPage } from './pages/kitchen_page.mjs';

const { scenario } = openShop({ 'product.start_after_ms': LONG_MS });

const HOUR_MS = 3_600_000;

for (const hours of [-5, 7, 24 * 400]) {
    scenario(`the time left to cancel is right on a device whose clock is ${hours} hours off`, async ({ visit }) => {
        const customer = await CustomerPage.open(await visit({ clockOffMs: hours * HOUR_MS }));
        assert.ok(Math.abs((await customer.page.evaluate(() => Date.now())) - Date.now() - hours * HOUR_MS) < 60_000, 'the clock is wrong');
        const id = await customer.orderAndRead('Americano');
        const left = customer.inCard(id, 'time-left');
        await left.filter({ hasText: /\d/ }).waitFor();
        const seconds = Number((await left.textContent()).replace(/\D/g, ''));
        assert.ok(seconds > 3_400 && seconds <= 3_601, `${seconds} s of 3,600 are left`);
        await customer.inCard(id, 'cancel').click();
        await customer.see(id, 'Canceled');
    });
}

scenario('the times on the timeline are when it happened, whatever the device thinks', async ({ shop, visit }) => {
    const order = await shop.order('Latte');
    const customer = await CustomerPage.open(await visit({ clockOffMs: -9 * HOUR_MS }), `#${order.id}`);
    await customer.inCard(order.id, 'history').click();
    const shown = customer.inCard(order.id, 'timeline').locator('time').first();
    await shown.waitFor();
    assert.equal(Math.floor(Date.parse(await shown.getAttribute('datetime')) / 1000), Math.floor(Date.parse(order.createdAt) / 1000));
    const inSeoul = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', timeZone: 'Asia/Seoul' });
    assert.equal((await shown.textContent()).replace(/\s/g, ' '), inSeoul.format(Date.parse(order.createdAt)).replace(/\s/g, ' '));
});

for (const hours of [-5, 7]) {
    scenario(`a ticket is young on a display whose clock is ${hours} hours off`, async ({ shop, visit }) => {
        const { id } = await shop.ticketOf((await shop.order('Mocha')).id);
        const kitchen = await KitchenPage.open(await visit({ device: 'tablet', clockOffMs: hours * HOUR_MS }));
        await kitchen.see(id, 'Ready');
        assert.equal(await kitchen.inTicket(id, 'age').getAttribute('data-tone'), 'young');
        assert.match(await kitchen.inTicket(id, 'age').textContent(), /^\d+ s$/, 'it is counted in seconds');
    });
}
