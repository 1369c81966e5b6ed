/** A thousand people watch at once. */
import assert from 'node:assert/strict';
import { watchTogether } from './followers.mjs';
import { openShop } from './lib/scenario.mjs';
import { QUICK } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const { scenario } = openShop(QUICK);

const FOLLOWERS = 1_000;
const ORDERS = 20;

scenario(`${FOLLOWERS} followers see every change, and a customer is served among them`, async ({ shop, visit, tell }) => {
    const { lines, missed, messages } = await watchTogether(shop, FOLLOWERS, ORDERS);
    lines.forEach(tell);
    assert.equal(missed, 0);
    assert.ok(messages >= FOLLOWERS * ORDERS);
    const customer = await CustomerPage.open(await visit());
    await customer.see(await customer.orderAndRead('Latte'), 'Completed');
});
