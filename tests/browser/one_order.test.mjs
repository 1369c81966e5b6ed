/** However often it is sent, one order is one order. */
import assert from 'node:assert/strict';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { PATIENT } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const { scenario } = openShop(PATIENT);

const countOf = async (shop) => (await shop.all('orders')).length;

/** Notes the Idempotency-Key of each order that the page sends, and what `then(route, n)` does with the n-th. */
async function sendsOf(customer, then) {
    const keys = [];
    await customer.page.route('**/orders', async (route) => {
        if (route.request().method() !== 'POST') {
            return route.continue();
        }
        keys.push(await route.request().headerValue('Idempotency-Key'));
        return then(route, keys.length);
    });
    return keys;
}

/** The shop has taken it, but its answer is lost on the way back. */
async function loseAnswer(route) {
    const answer = await route.fetch();
    assert.equal(answer.status(), 201);
    await route.abort('connectionreset');
}

for (const language of ['ko', 'en']) {
    scenario(`a double touch makes one order (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const before = await countOf(shop);
        await customer.pick('Americano');
        await customer.at('order-send').evaluate((button) => {
            button.click();
            button.click();
            button.form.requestSubmit();
        });
        await customer.at('order').first().waitFor();
        customer.orderedAt = performance.now();
        await customer.pick('Americano');
        await customer.at('order-send').dblclick({ force: true });
        await eventually('the second order is there', async () => (await customer.numbers()).length === 2);
        assert.equal(await countOf(shop), before + 2);
        assert.equal(await customer.at('order-sheet').count(), 0, 'the second touch picked nothing that lay behind');
    });

    scenario(`a lost answer makes one order, and the page says that it is still being sent (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const before = await countOf(shop);
        const keys = await sendsOf(customer, (route, n) => (n <= 2 ? loseAnswer(route) : route.continue()));
        await customer.order('Latte');
        await customer.at('pending').locator('.notice').waitFor();
        await customer.at('order').first().waitFor();
        await customer.at('pending').waitFor({ state: 'detached' });
        assert.equal(keys.length, 3);
        assert.equal(new Set(keys).size, 1, 'every time under the same key');
        assert.ok(keys[0]);
        assert.equal(await countOf(shop), before + 1);
    });
}

scenario('a reload while it is being sent keeps its key', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const before = await countOf(shop);
    const keys = await sendsOf(customer, (route, n) => (n === 1 ? route.fetch() : route.continue())); /* the first is never answered */
    await customer.order('Mocha');
    await eventually('the shop has it', async () => (await countOf(shop)) === before + 1);
    await customer.page.reload();
    await customer.at('order').first().waitFor();
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys).size, 1);
    assert.equal(await countOf(shop), before + 1);
    assert.equal(await customer.at('pending').count(), 0);
});

scenario('two windows that wake up with the same unsent order make one of it', async ({ shop, visit }) => {
    const visitor = await visit();
    const customer = await CustomerPage.open(visitor);
    const before = await countOf(shop);
    await sendsOf(customer, (route) => route.abort('internetdisconnected'));
    await customer.order('Tea');
    await customer.at('pending').waitFor();
    const second = new CustomerPage(visitor, await visitor.openWindow('/'));
    await second.at('order').first().waitFor();
    await customer.page.unroute('**/orders');
    await customer.at('order').first().waitFor();
    assert.deepEqual(await customer.numbers(), await second.numbers());
    assert.equal(await countOf(shop), before + 1);
});

scenario('two orders on purpose are two', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const before = await countOf(shop);
    await customer.orderAndRead('Americano');
    await customer.orderAndRead('Americano');
    assert.equal(await countOf(shop), before + 2);
});

scenario('what the shop refuses is said and not sent again', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit({ language: 'en' }));
    const before = await countOf(shop);
    const keys = await sendsOf(customer, (route) => route.continue({ postData: JSON.stringify({ productName: 'Gravel', qty: 1 }) }));
    await customer.order('Americano');
    const card = customer.at('pending');
    await card.locator('[role=alert]').waitFor();
    assert.match(await card.textContent(), /Gravel|menu/i);
    await card.getByRole('button').click();
    await card.waitFor({ state: 'detached' });
    await customer.page.reload();
    await customer.menuItem('Americano').waitFor();
    await customer.at('no-orders').waitFor();
    assert.equal(keys.length, 1);
    assert.equal(await countOf(shop), before);
});
